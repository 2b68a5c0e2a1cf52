"""Phones and words of a speech as a Praat TextGrid (long text format, UTF-8).

Format: the Praat manual, "TextGrid file formats" (Boersma & Weenink). Every tier covers the sound
from 0 to its end without a gap; silence is an interval with an empty label.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tts_vae.synthesis.controls import is_pause
from tts_vae.synthesis.speech import Speech
from tts_vae.text.words import Word
from tts_vae.whole_file import write_text

if TYPE_CHECKING:
    from tts_vae.synthesis.voice import Voice

_Interval = tuple[float, float, str]


def textgrid(speech: Speech, words: Sequence[Word] = ()) -> str:
    """The TextGrid of a speech: a tier of phones and, where words are given, one of words.

    Args:
        speech: what was said; its durations place the phones.
        words: of :func:`words_in`, the tokens of the whole speech.

    Raises:
        ValueError: if a word lies outside the phones of the speech, or there is no sound.
    """
    if not speech.durations.sum() > 0:
        raise ValueError("a TextGrid needs a sound longer than 0 s; speak a text")
    # whole samples: every time is exact, and the last is the end of the sound
    ends = np.cumsum(speech.durations) * speech.hop_length / speech.sample_rate
    starts = np.concatenate([[0.0], ends[:-1]])
    labels = ["" if is_pause(phone) else phone for phone in speech.phones]
    tiers = {"phones": list(zip(starts.tolist(), ends.tolist(), labels, strict=True))}
    if words:
        if not all(0 <= w.start < w.stop <= len(labels) for w in words):
            raise ValueError(
                f"words must lie within the {len(labels)} phones of the speech, got "
                f"{max(w.stop for w in words)}; take those of the same text"
            )
        spoken = [(float(starts[w.start]), float(ends[w.stop - 1]), w.text) for w in words]
        tiers["words"] = _with_silence(spoken, float(ends[-1]))
    return _long_format(
        {name: [i for i in tier if i[1] > i[0]] for name, tier in tiers.items()},
        float(ends[-1]),
    )


def words_in(voice: "Voice", text: str) -> tuple[Word, ...]:
    """The words of a text and their tokens, as ``voice.speak(text)`` says it."""
    from tts_vae.text.sentences import split_sentences
    from tts_vae.text.words import words_of

    words: list[Word] = []
    passed = 0
    sentences = split_sentences(text)
    for sentence, tokens in zip(sentences, voice.phonemize(text), strict=True):
        for word in words_of(voice.bundle.front_end, sentence, tokens):
            words.append(Word(word.text, word.start + passed, word.stop + passed))
        passed += len(tokens)
    return tuple(words)


def write_textgrid(path: str | Path, speech: Speech, words: Sequence[Word] = ()) -> Path:
    """Write :func:`textgrid` whole or not at all.

    Raises:
        ValueError: if the file cannot be written.
    """
    return write_text(Path(path), textgrid(speech, words))


def _with_silence(intervals: Sequence[_Interval], end_s: float) -> list[_Interval]:
    """The intervals, in order, and empty ones that fill the gaps."""
    filled: list[_Interval] = []
    reached = 0.0
    for start, stop, label in intervals:
        if start > reached:
            filled.append((reached, start, ""))
        filled.append((start, stop, label))
        reached = stop
    return [*filled, (reached, end_s, "")]


def _long_format(tiers: dict[str, list[_Interval]], end_s: float) -> str:
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += [
        "xmin = 0",
        f"xmax = {end_s!r}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, (name, intervals) in enumerate(tiers.items(), start=1):
        lines += [f"    item [{number}]:", '        class = "IntervalTier"']
        lines += [f'        name = "{name}"', "        xmin = 0", f"        xmax = {end_s!r}"]
        lines += [f"        intervals: size = {len(intervals)}"]
        for index, (start, stop, label) in enumerate(intervals, start=1):
            quoted = label.replace('"', '""')  # Praat doubles the quotes inside a string
            lines += [f"        intervals [{index}]:", f"            xmin = {start!r}"]
            lines += [f"            xmax = {stop!r}", f'            text = "{quoted}"']
    return "\n".join(lines) + "\n"
