"""A judge that may listen slowly: mels of fast speech at a shorter hop.

A judge knows speech as fast as that which it was trained on, and has one label for two frames. To
align and recognise speech that is faster, frames are taken more often, so that the judge sees it at
a tempo it knows; pitch and spectrum stay. Recordings at a usual tempo are heard as they are.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
import torchaudio.functional
from numpy.typing import NDArray
from torch import Tensor

from tts_vae.audio.mel import MelSpectrogram
from tts_vae.evaluation.listeners.intelligibility import Judge, spoken_phones
from tts_vae.evaluation.measures.error_rate import ErrorCounts, count_errors

USUAL_PHONES_PER_S = 11.0
"""Tempo that the embedded judge knows best: the median of the recordings it was trained on."""

SLOWEST = 4.0
"""Largest factor by which speech is slowed down."""

Waveform = NDArray[np.floating]


class SlowHearing:
    """Listens with a judge, slowed down where speech is fast.

    Args:
        judge: aligns and recognises.
    """

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self._analyses: dict[int, MelSpectrogram] = {}

    def mels(
        self, waveform: Waveform, sample_rate: int, phones: int, speech_s: float
    ) -> tuple[Tensor, float]:
        """Mels (frames, n_mels) at a tempo the judge knows, and the seconds between frames.

        Args:
            waveform: (samples,).
            sample_rate: Hz.
            phones: how many are spoken.
            speech_s: seconds of speech; NaN or 0 is heard as it is.
        """
        tempo = phones / speech_s if speech_s > 0 else 0.0
        slower = min(max(tempo / USUAL_PHONES_PER_S, 1.0), SLOWEST)
        mel = self.judge.mel
        hop = 2 * round(mel.hop_length / slower / 2)  # padding must be whole on both sides
        if hop not in self._analyses:
            self._analyses[hop] = MelSpectrogram(replace(mel, hop_length=hop))
        samples = torch.as_tensor(np.asarray(waveform, dtype=np.float32))
        if sample_rate != mel.sample_rate:
            samples = torchaudio.functional.resample(samples, sample_rate, mel.sample_rate)
        return self._analyses[hop](samples), hop / mel.sample_rate

    def durations_s(
        self, tokens: Sequence[str], mels: Tensor, hop_s: float
    ) -> NDArray[np.float64] | None:
        """Seconds of each token, (tokens,); None where the tokens cannot be aligned."""
        (found,) = self.judge.align([tokens], [mels]).durations
        return None if found is None else found.numpy().astype(np.float64) * hop_s

    def errors(self, tokens: Sequence[Sequence[str]], mels: Sequence[Tensor]) -> list[ErrorCounts]:
        """Phone errors of each utterance."""
        heard = self.judge.transcribe(mels)
        return [
            count_errors(spoken_phones(row), said) for row, said in zip(tokens, heard, strict=True)
        ]
