"""Sentences spoken over a range of a control, and what was heard, relative to the usual rendering.

All changes are on the linear scales of :mod:`tts_vae.synthesis.calibration`: semitones, decibels,
and octaves (log2) of rate and pitch range.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.evaluation.listeners.slow_hearing import SlowHearing
from tts_vae.evaluation.measures.attributes import (
    PAUSE_S,
    Attributes,
    aligned_speech_s,
    attributes_of,
    level_speech_s,
    measured,
)
from tts_vae.evaluation.voices.held_out import HeldOutRecording
from tts_vae.synthesis.calibration import CALIBRATED
from tts_vae.synthesis.controls import is_pause
from tts_vae.synthesis.speech import Speech
from tts_vae.synthesis.style import Style
from tts_vae.synthesis.voice import Voice

Floats = NDArray[np.float64]

HEARD = (*CALIBRATED, "tilt_db")
"""What is heard of an utterance: an attribute for each control, and one that none should move."""

StyleOf = Callable[[str | None, str, float], Style]
"""Speaker, control and its value in its own unit -> the style to speak with."""

Progress = Callable[[Iterable[int], int, str], Iterable[int]]
"""Items, how many, and a description -> the items, with a bar."""


def no_bar(items: Iterable[int], total: int, description: str) -> Iterable[int]:
    """A progress that nobody sees."""
    return items


@dataclass(frozen=True)
class Line:
    """One text and who says it.

    Attributes:
        text: one sentence.
        speaker: name, or None for a voice without.
    """

    text: str
    speaker: str | None


@dataclass(frozen=True)
class Sweep:
    """One control over lines and settings.

    Attributes:
        control: its name.
        settings: (settings,) in the control's own unit.
        changes: (settings, lines, heard) relative to the line's usual rendering, columns as in
            ``HEARD``; NaN where undefined.
        wrong: (settings, lines) phones that a judge heard wrong; NaN without one.
        phones: (lines,) phones spoken.
    """

    control: str
    settings: tuple[float, ...]
    changes: Floats
    wrong: Floats
    phones: Floats


def asking(voice: Voice, **how: Any) -> StyleOf:
    """Styles that ask a voice for one control; ``how``: further words of ``voice.style``."""

    def style(speaker: str | None, control: str, value: float) -> Style:
        words: dict[str, Any] = {"speaker": speaker, control: value, **how}
        return voice.style(**words)

    return style


def voice_with(voice: Voice, styles: Mapping[str, Any]) -> Voice:
    """The same voice with other entries in its styles; nothing is written."""
    bundle = replace(voice.bundle, styles={**voice.bundle.styles, **styles})
    return Voice(bundle, voice.vocoder)


def on_scale(rows: Sequence[Attributes]) -> Floats:
    """Attributes of utterances on the linear scales, (utterances, heard), columns as in ``HEARD``.

    The range of the pitch is that from its 10th to its 90th percentile: a few frames in which the
    tracker jumps an octave do not move it as they move the standard deviation.
    """
    table = np.array(
        [[row.pitch_st, row.pitch_range_st, row.rate, row.energy_db, row.tilt_db] for row in rows],
        dtype=np.float64,
    ).reshape(-1, len(HEARD))
    with np.errstate(divide="ignore", invalid="ignore"):
        table[:, 1:3] = np.log2(np.where(table[:, 1:3] > 0, table[:, 1:3], np.nan))
    return table


@dataclass(frozen=True)
class Heard:
    """One utterance as it was heard.

    Attributes:
        tokens: what was spoken.
        values: (heard,) attributes on the linear scales.
        durations_s: (tokens,) as a judge aligned them; None without one.
        wrong: phones it heard wrong; NaN without one.
    """

    tokens: tuple[str, ...]
    values: Floats
    durations_s: Floats | None
    wrong: float


def listen(speeches: Sequence[Speech], hearing: SlowHearing | None) -> list[Heard]:
    """Measure utterances and, with a judge, align and recognise their phones."""
    heard, mels = [], []
    for speech in speeches:
        waveform, rate, tokens = speech.waveform, speech.sample_rate, speech.phones
        speech_s, durations_s = level_speech_s(waveform, rate), None
        if hearing is not None:
            phones = sum(not is_pause(token) for token in tokens)
            mel, hop_s = hearing.mels(waveform, rate, phones, speech_s)
            mels.append(mel)
            durations_s = hearing.durations_s(tokens, mel, hop_s)
            speech_s = np.nan if durations_s is None else aligned_speech_s(tokens, durations_s)
        row = attributes_of(waveform, rate, tokens, speech_s, speech.gain_db)
        heard.append(Heard(tokens, on_scale([row])[0], durations_s, np.nan))
    if hearing is None:
        return heard
    counts = hearing.errors([speech.phones for speech in speeches], mels)
    return [replace(h, wrong=float(c.errors)) for h, c in zip(heard, counts, strict=True)]


def change(now: Heard, usual: Heard) -> Floats:
    """What is heard differently, (heard,), columns as in ``HEARD``.

    A pause that grows past the length of a pause would count as speech before and not after, and
    look like a jump of the rate. Where a judge tells tokens apart, pauses that are one in either
    rendering are left out of both.
    """
    result = now.values - usual.values
    if now.durations_s is not None and usual.durations_s is not None:
        pause = np.array([is_pause(token) for token in now.tokens])
        long = pause & (np.maximum(now.durations_s, usual.durations_s) >= PAUSE_S)
        spoken = np.flatnonzero(~pause)
        counts = ~long
        counts[: spoken[0]] = counts[spoken[-1] + 1 :] = False
        ratio = usual.durations_s[counts].sum() / now.durations_s[counts].sum()
        result[HEARD.index("rate")] = np.log2(ratio)
    return result


def run_sweeps(
    voice: Voice,
    lines: Sequence[Line],
    settings: Mapping[str, Sequence[float]],
    style_of: StyleOf,
    judge: Judge | None = None,
    seed: int = 0,
    progress: Progress = no_bar,
) -> tuple[dict[str, Sweep], Floats]:
    """Speak every line at every setting of every control.

    Args:
        voice: speaks.
        lines: texts and speakers.
        settings: control -> values in its own unit; neutral ones are not spoken again.
        style_of: makes the style of a setting.
        judge: aligns and recognises phones; None goes by level and recognises nothing.
        seed: of the speech.
        progress: shows how far it is.

    Returns:
        Control -> its sweep, and the phones heard wrong in the usual rendering (lines,).
    """
    hearing = None if judge is None else SlowHearing(judge)
    texts = [line.text for line in lines]
    styles_usual = [voice.style(speaker=line.speaker) for line in lines]
    usual = listen(voice.speak_many(texts, styles_usual, seed=seed), hearing)
    work = [(control, value) for control, values in settings.items() for value in values]
    found: dict[str, list[list[Heard]]] = {control: [] for control in settings}
    for number in progress(range(len(work)), len(work), "speaking and listening"):
        control, value = work[number]
        styles = [style_of(line.speaker, control, value) for line in lines]
        if styles == styles_usual:  # nothing asked, nothing changed: to the last bit the same
            found[control].append(usual)
        else:
            found[control].append(listen(voice.speak_many(texts, styles, seed=seed), hearing))
    phones = np.array([sum(not is_pause(token) for token in h.tokens) for h in usual], float)
    sweeps = {
        control: Sweep(
            control,
            tuple(settings[control]),
            np.array([[change(*pair) for pair in zip(row, usual, strict=True)] for row in rows]),
            np.array([[h.wrong for h in row] for row in rows]),
            phones,
        )
        for control, rows in found.items()
    }
    return sweeps, np.array([h.wrong for h in usual])


def natural_attributes(
    voice: Voice,
    recordings: Sequence[HeldOutRecording],
    judge: Judge | None,
    progress: Progress = no_bar,
) -> Floats:
    """Attributes of natural recordings on the linear scales, (recordings, heard)."""
    hearing = None if judge is None else SlowHearing(judge)
    rows = []
    for number in progress(range(len(recordings)), len(recordings), "listening to recordings"):
        recording = recordings[number]
        tokens = [token for part in voice.phonemize(recording.text) for token in part]
        rows.append(measured(recording.natural, voice.sample_rate, tokens, hearing))
    return on_scale(rows)
