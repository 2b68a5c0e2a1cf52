"""What was asked for beside what is heard: the sound is measured, never taken at its word.

A control asks for a change, so the same style with every control at rest is spoken and measured
too. Rate is told by an independent recogniser where one knows the voice's phones.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape

import numpy as np

from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.evaluation.measures.attributes import Attributes, measure_attributes
from tts_vae.synthesis.controls import CONTROLS, is_pause
from tts_vae.synthesis.speech import Speech
from tts_vae.text.symbols import plain_phone

NAMES = {
    "pitch_st": "pitch level",
    "pitch_range": "pitch range",
    "rate": "speaking rate",
    "energy_db": "energy",
    "pause": "pauses",
}
"""Control -> what a reader calls it."""

_NOTHING = "&#8211;"


@dataclass(frozen=True)
class Heard:
    """What was measured on one sound.

    Attributes:
        attributes: of its waveform.
        pause_s: seconds of the pauses between its phones, by the voice's own durations.
    """

    attributes: Attributes
    pause_s: float


def listen(speech: Speech, judge: Judge | None) -> Heard:
    """Measure a sound.

    Args:
        speech: what was said.
        judge: of :func:`judge_for`.

    Raises:
        ValueError: if praat-parselmouth is not installed.
    """
    attributes = measure_attributes(
        speech.waveform, speech.sample_rate, speech.phones, judge, speech.gain_db
    )
    silent = np.array([is_pause(phone) for phone in speech.phones])
    spoken = np.flatnonzero(~silent)
    inside = np.zeros(len(silent), dtype=bool)
    if len(spoken):
        inside[spoken[0] : spoken[-1] + 1] = True
    return Heard(attributes, float(speech.durations_s[silent & inside].sum()))


@cache
def _espeak_judge() -> Judge:
    return Judge.load("espeak")


def judge_for(front_end: str, corpus: str, symbols: tuple[str, ...]) -> Judge | None:
    """The recogniser that understands a voice; None where there is none.

    Args:
        front_end: of the voice.
        corpus: it was trained on; the recogniser that ships has heard the embedded one alone.
        symbols: of the voice, padding first.
    """
    if front_end != "espeak" or corpus != "espeak":
        return None
    judge = _espeak_judge()
    return judge if {plain_phone(s) for s in symbols[1:]} <= set(judge.labels) else None


def changes(heard: Heard, rest: Heard) -> dict[str, float]:
    """Control -> how much of it is heard, relative to the sound with every control at rest."""
    mine, usual = heard.attributes, rest.attributes
    return {
        "pitch_st": mine.pitch_st - usual.pitch_st,
        "pitch_range": _ratio(mine.pitch_sd_st, usual.pitch_sd_st),
        "rate": _ratio(mine.rate, usual.rate),
        "energy_db": mine.energy_db - usual.energy_db,
        "pause": _ratio(heard.pause_s, rest.pause_s),
    }


def table(heard: Heard, rest: Heard, asked: Mapping[str, float], by_ear: bool) -> str:
    """Asked and heard, as HTML.

    Args:
        heard: the sound.
        rest: the same with every control at rest.
        asked: control -> request; those left out are at rest.
        by_ear: whether the rate was told by a recogniser, and not by the level of the sound.
    """
    change = changes(heard, rest)
    rows = "".join(
        f'<tr{" class=moved" if name in asked else ""}><th scope="row">{NAMES[name]}</th>'
        f"<td>{_shown(name, asked.get(name, scale.usual))}</td>"
        f"<td>{_shown(name, change[name])}</td><td>{_absolute(name, heard)}</td></tr>"
        for name, scale in CONTROLS.items()
    )
    how = "a phone recogniser's alignment" if by_ear else "the level of the sound"
    return (
        '<div class="heard"><table><thead><tr><th></th><th scope="col">asked</th>'
        '<th scope="col">heard</th><th scope="col">in all</th></tr></thead>'
        f"<tbody>{rows}</tbody></table><p>Changes are relative to this style with every control "
        f"at rest. F0 by Praat; rate by {how}, pauses left out.</p></div>"
    )


def steps_table(heard: list[Heard], colours: list[str]) -> str:
    """One row for each step of an interpolation, as HTML."""
    rows = ""
    for number, (step, colour) in enumerate(zip(heard, colours, strict=True)):
        name = {0: "A", len(heard) - 1: "B"}.get(number, f"{number}/{len(heard) - 1}")
        cells = "".join(f"<td>{_absolute(c, step)}</td>" for c in CONTROLS if c != "pause")
        rows += (
            f'<tr><th scope="row"><i class="swatch" style="background:{escape(colour)}"></i>'
            f"{name}</th>{cells}</tr>"
        )
    columns = "".join(f'<th scope="col">{NAMES[c]}</th>' for c in CONTROLS if c != "pause")
    return (
        f'<div class="heard"><table><thead><tr><th scope="col">step</th>{columns}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _absolute(name: str, heard: Heard) -> str:
    found = heard.attributes
    if name == "pitch_st":
        if math.isnan(found.pitch_st):
            return _NOTHING
        return f"{found.pitch_st:.1f} st, {55 * 2 ** (found.pitch_st / 12):.0f} Hz"
    unit, number, digits = {
        "pitch_range": ("st SD", found.pitch_sd_st, 2),
        "rate": ("phones/s", found.rate, 1),
        "energy_db": ("dB", found.energy_db, 1),
        "pause": ("s", heard.pause_s, 2),
    }[name]
    return _NOTHING if math.isnan(number) else f"{number:.{digits}f} {unit}"


def _shown(name: str, change: float) -> str:
    if math.isnan(change):
        return _NOTHING
    scale = CONTROLS[name]
    return f"&#215;{change:.2f}" if scale.factor else f"{change:+.1f} {scale.unit}"


def _ratio(mine: float, usual: float) -> float:
    return mine / usual if usual > 0 else math.nan
