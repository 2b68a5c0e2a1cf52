"""Changing one part of a voice's styles.json: what was learnt of the voice after its training."""

import json
from pathlib import Path
from typing import Any

from tts_vae.synthesis.voice_folders import STYLES
from tts_vae.whole_file import whole_file


def read_styles(folder: str | Path) -> dict[str, Any]:
    """Contents of a voice's styles.json.

    Raises:
        ValueError: if the file is missing or no JSON object.
    """
    path = Path(folder) / STYLES
    try:
        styles = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read ({error.strerror}); give the folder of a voice"
        ) from error
    except ValueError as error:  # JSON and UTF-8 errors are both ValueErrors
        raise ValueError(f"{path} is not readable JSON ({error}); copy the voice again") from error
    if not isinstance(styles, dict):
        raise ValueError(f"{path} must be an object, got {type(styles).__name__}; copy it again")
    return styles


def update_styles(folder: str | Path, key: str, value: Any) -> Path:
    """Replace one top-level entry of a voice's styles.json; the others stay as they are.

    The file is replaced whole, so that whatever happens it holds the old styles or the new.

    Args:
        folder: of the voice.
        key: the entry: "sites", "calibration", "directions", "named", ...
        value: plain numbers, strings, lists and dicts; None takes the entry out.

    Returns:
        The file.

    Raises:
        ValueError: if the folder has no readable styles.json, the value cannot be written as JSON
            or the file cannot be replaced.
    """
    styles = read_styles(folder)
    styles.pop(key, None)
    if value is not None:
        styles[key] = value
    path = Path(folder) / STYLES
    try:
        text = json.dumps(styles, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"styles[{key!r}] must be finite numbers, strings, lists and dicts: {error}"
        ) from error
    try:
        with whole_file(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ValueError(
            f"cannot write {path} ({error.strerror}); copy the voice to a folder of your own"
        ) from error
    return path
