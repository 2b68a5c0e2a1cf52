"""A file appears under its name when it is complete, or not at all."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A neighbour to write to, which takes the place of ``path`` at the end of the block.

    Whatever ends the block early leaves ``path`` as it was, and no neighbour; what a killed process
    leaves ends in ``.part``.
    """
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
