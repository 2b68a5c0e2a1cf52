"""A file appears under its name when it is complete, or not at all."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A neighbour to write to, which takes the place of ``path`` at the end of the block.

    Whatever ends the block early leaves ``path`` as it was, and no neighbour; what a killed process
    leaves ends in ``.part``. A link stays a link to what is written; a device or a pipe
    (``/dev/null``) is never replaced: it is given what was written, at the end.
    """
    path = path.resolve()
    if path.exists() and not path.is_file() and not path.is_dir():
        with tempfile.TemporaryDirectory() as folder:
            partial = Path(folder) / path.name
            yield partial
            with partial.open("rb") as written, path.open("wb") as device:
                shutil.copyfileobj(written, device)
        return
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> Path:
    """Write a text whole or not at all, its folder too where there is none.

    Raises:
        ValueError: if the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}; choose another place") from error
    return path
