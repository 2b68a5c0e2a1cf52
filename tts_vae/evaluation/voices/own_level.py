"""Natural recordings of a corpus, measured, and each against what is usual for its own speaker.

A style is a departure from a speaker's own pitch, rate and level: +3 semitones is lively in a deep
voice and in a high one. The usual values and their natural spread come from training recordings;
held-out recordings are what styles are taken from.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts_vae.corpora.manifests import read_corpus, read_cuts
from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.evaluation.measures.attributes import Attributes, measure_attributes
from tts_vae.evaluation.measures.pitch import REFERENCE_HZ
from tts_vae.evaluation.voices.held_out import HeldOutRecording, held_out_recordings, steps
from tts_vae.synthesis.voice import Voice

STYLE_ATTRIBUTES = ("pitch_st", "rate", "energy_db")
"""F0 level in semitones re 55 Hz, phones a second, dB: what a style sets."""

HELD_OUT = 150
"""Held-out recordings measured."""
FROM_TRAINING = 40
"""Training recordings of each speaker that say what is usual."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NaturalSpeech:
    """Held-out recordings with their attributes, and what is usual for their speakers.

    Attributes:
        recordings: held out, evenly spread.
        values: (recordings, 3) ``STYLE_ATTRIBUTES`` of each.
        relative: (recordings, 3) the same less the usual of the speaker.
        usual: speaker -> (3,) mean over training recordings.
        spread: (3,) natural standard deviation within speakers.
        training: the training recordings that these come from.
        judge: what aligned them; None where rates go by the level of the sound.
    """

    recordings: Sequence[HeldOutRecording]
    values: Floats
    relative: Floats
    usual: dict[str, Floats]
    spread: Floats
    training: Sequence[HeldOutRecording]
    judge: Judge | None

    @classmethod
    def of(
        cls,
        voice: Voice,
        corpus: Path,
        limit: int = HELD_OUT,
        from_training: int = FROM_TRAINING,
    ) -> "NaturalSpeech":
        """Read and measure recordings of a voice's corpus.

        Where the voice was trained on recordings brought to one level, the level is no part of
        their style: their energy is NaN.

        Args:
            voice: whose front end and sample rate.
            corpus: prepared; its speakers should be the voice's.
            limit: held-out recordings.
            from_training: training recordings of each speaker.

        Raises:
            ValueError: the corpus is not prepared, or praat-parselmouth is missing.
        """
        embedded = voice.bundle.metadata.get("corpus") == "espeak"
        judge = (
            Judge.load("espeak")
            if embedded and read_corpus(corpus).get("name") == "espeak"
            else None
        )
        rate = voice.sample_rate
        speakers = max(len(read_corpus(corpus)["speakers"]), 1)
        training = held_out_recordings(corpus, rate, from_training * speakers, "train")
        recordings = held_out_recordings(corpus, rate, limit)
        measured = [
            _measured(voice, recording, judge)
            for recording in steps([*training, *recordings], "measuring recordings")
        ]
        table = np.array([[getattr(a, name) for name in STYLE_ATTRIBUTES] for a in measured])
        if voice.bundle.metadata.get("level_db") is not None:
            table[:, STYLE_ATTRIBUTES.index("energy_db")] = math.nan
        learned, values = table[: len(training)], table[len(training) :]
        names = [recording.speaker for recording in training]
        noted = _noted_pitch(corpus)
        usual = {}
        for name in dict.fromkeys(names):
            mine = learned[[n == name for n in names]]
            usual[name] = np.array([_mean(column) for column in mine.T])
            usual[name][0] = noted.get(name, usual[name][0])
        nothing = np.full(len(STYLE_ATTRIBUTES), math.nan)
        own = np.array([usual.get(recording.speaker, nothing) for recording in recordings])
        spread = np.array([pooled_spread(column, names) for column in learned.T])
        return cls(recordings, values, values - own, usual, spread, training, judge)

    @property
    def least_move(self) -> Floats:
        """Change of each attribute that counts as one, (3,).

        A natural standard deviation, and never less than can be heard: 1.5 semitones, 5 % of the
        usual rate, 1 dB.
        """
        rate = _mean(np.array([values[1] for values in self.usual.values()]))
        return np.fmax(self.spread, [1.5, 0.05 * rate, 1.0])


def pooled_spread(values: ArrayLike, groups: Sequence[Any]) -> float:
    """Standard deviation within groups, pooled: sqrt(sum (x - group mean)^2 / (n - groups)).

    NaN values are left out. NaN where no group has two values.

    Args:
        values: (items,).
        groups: the group of each.
    """
    x = np.asarray(values, dtype=np.float64)
    names = np.array([str(group) for group in groups])
    squares, freedom = 0.0, 0
    for name in np.unique(names):
        part = x[(names == name) & ~np.isnan(x)]
        if len(part):
            squares += float(((part - part.mean()) ** 2).sum())
            freedom += len(part) - 1
    return math.sqrt(squares / freedom) if freedom else math.nan


def _mean(values: Floats) -> float:
    """Mean of the defined values; NaN where there are none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else math.nan


def _noted_pitch(corpus: Path) -> dict[str, float]:
    """Speaker -> mean F0 level over all training recordings, where the corpus has noted them.

    A mean of hundreds is three times as sharp as that of the few recordings measured here.
    """
    levels: dict[str, list[float]] = {}
    for cut in read_cuts(corpus, "train"):
        supervision = cut.supervisions[0]
        hz = ((supervision.custom or {}).get("factors") or {}).get("f0_median_hz")
        if hz is not None:
            levels.setdefault(supervision.speaker, []).append(12 * math.log2(hz / REFERENCE_HZ))
    return {name: float(np.mean(found)) for name, found in levels.items()}


def _measured(voice: Voice, recording: HeldOutRecording, judge: Judge | None) -> Attributes:
    tokens = [token for sentence in voice.phonemize(recording.text) for token in sentence]
    return measure_attributes(recording.natural, voice.sample_rate, tokens, judge)
