"""The files of a walk: a WAV and a TextGrid for every stop, and the recipes that repeat them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from tts_vae.synthesis.controls import CONTROLS
from tts_vae.synthesis.speech import Speech
from tts_vae.synthesis.style import SPEAKER, Style
from tts_vae.synthesis.style_words import parse_style
from tts_vae.synthesis.textgrid import write_textgrid
from tts_vae.synthesis.voice import Voice
from tts_vae.synthesis.walks import Stop
from tts_vae.text.words import Word
from tts_vae.whole_file import write_text

RECIPES = "steps.json"


def write_stop(
    folder: Path, voice: Voice, stop: Stop, speech: Speech, words: Sequence[Word] = ()
) -> dict[str, Any]:
    """Write NAME.wav and NAME.TextGrid, each whole or not at all.

    Returns:
        What :data:`RECIPES` says of the stop: its files, where it is, and its style three times:
        as it calls itself ("style"), in words that ``--from``, ``--to`` and
        ``voice.style(**parse_style(words))`` understand ("recipe"; None where words cannot say
        it), and as the numbers of ``Style(values, **controls)``.

    Raises:
        ValueError: if a file cannot be written.
    """
    wav = speech.write(folder / f"{stop.name}.wav")
    grid = write_textgrid(folder / f"{stop.name}.TextGrid", speech, words)
    return {
        "wav": wav.name,
        "textgrid": grid.name,
        "title": stop.title,
        "at": list(stop.at),
        "style": str(stop.style),
        "recipe": words_of_style(voice, stop.style),
        "values": {site: _numbers(value) for site, value in stop.style.values.items()},
        "controls": {name: _numbers(value) for name, value in stop.style.controls.items()},
        "seconds": speech.duration_s,
        "gain_db": speech.gain_db,
    }


def write_recipes(
    folder: Path, about: Mapping[str, Any], stops: Sequence[Mapping[str, Any]]
) -> Path:
    """Write :data:`RECIPES` whole or not at all: ``about`` the walk, and its "steps".

    Raises:
        ValueError: if the file cannot be written.
    """
    path = folder / RECIPES
    text = json.dumps(
        {**about, "steps": list(stops)}, indent=1, ensure_ascii=False, allow_nan=False
    )
    return write_text(path, text + "\n")


def words_of_style(voice: Voice, style: Style) -> str | None:
    """A style in the words of ``voice.style``: a speaker, a vector and controls.

    Returns:
        Words that give the very values, and controls to 9 digits; None if there are none, as for
        a speaker between two, or numbers for each phone.
    """
    if style.phones is not None:
        return None
    numbers = {
        name: float(value)
        for name, value in style.controls.items()
        if value != CONTROLS[name].usual
    }
    parts = []
    if SPEAKER in style.values:
        own = style.values[SPEAKER]
        for name in voice.speakers:
            if bool((voice.style(speaker=name).values[SPEAKER] == own).all()):
                parts.append(f"speaker={name}")
                break
        else:
            return None
    if voice.prosody_site is not None:
        vector = style.values[voice.prosody_site].tolist()
        parts.append("vector=" + ",".join(f"{number:.9g}" for number in vector))
    parts += [f"{name}={number:.9g}" for name, number in numbers.items()]
    parts += ["calibrated=no"] if numbers else []  # these are shifts, not what is heard
    made = voice.style(**parse_style(",".join(parts)))
    same = made.values.keys() == style.values.keys() and all(
        bool((value == style.values[site]).all()) for site, value in made.values.items()
    )
    return ",".join(parts) or "default" if same else None


def _numbers(value: float | Tensor) -> Any:
    """A float32's shortest decimals that give it back."""
    if isinstance(value, Tensor):
        return _short(value.tolist())
    return value


def _short(numbers: Any) -> Any:
    if isinstance(numbers, list):
        return [_short(number) for number in numbers]
    return float(f"{numbers:.9g}")
