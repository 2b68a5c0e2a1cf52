"""Recognisers that others trained, for real voices: pocketsphinx offline, wav2vec 2.0 online.

Neither understands espeak-ng's voices; judge those by :class:`intelligibility.Judge`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import torch
import torchaudio.functional
from numpy.typing import NDArray

from tts_vae.evaluation.measures.error_rate import (
    ErrorRate,
    character_error_rate,
    normalise_text,
    word_error_rate,
)

Waveform = NDArray[np.floating]
RATE_HZ = 16_000


class SpeechRecogniser(Protocol):
    """Anything that turns speech into text."""

    name: str

    def transcribe(self, waveform: Waveform, sample_rate: int) -> str:
        """Words of one utterance (samples,), normalised as ``normalise_text`` does."""


@dataclass(frozen=True)
class TextErrorRates:
    """Error rates of one recogniser over a set of utterances, and what it heard."""

    recogniser: str
    wer: ErrorRate
    cer: ErrorRate
    transcripts: tuple[str, ...]


def text_error_rates(
    recogniser: SpeechRecogniser,
    texts: Sequence[str],
    waveforms: Sequence[Waveform],
    sample_rate: int,
) -> TextErrorRates:
    """Corpus-level WER and CER; texts with numbers spelt out.

    Raises:
        ValueError: texts and waveforms differ in number.
    """
    heard = tuple(recogniser.transcribe(waveform, sample_rate) for waveform in waveforms)
    return TextErrorRates(
        recogniser=recogniser.name,
        wer=word_error_rate(texts, heard),
        cer=character_error_rate(texts, heard),
        transcripts=heard,
    )


class PocketsphinxRecogniser:
    """CMU pocketsphinx with the English model of its wheel: offline, one core, 16 kHz.

    Feature normalisation starts afresh with each utterance: results do not depend on the order.

    Raises:
        ImportError: the ``evaluation`` extra is not installed.
    """

    name = "pocketsphinx"

    def __init__(self) -> None:
        try:
            import pocketsphinx
        except ImportError as error:
            raise ImportError(
                "pocketsphinx is not installed; pip install 'tts_vae[evaluation]'"
            ) from error
        self._decoder: Any = pocketsphinx.Decoder(samprate=RATE_HZ, loglevel="FATAL")

    def transcribe(self, waveform: Waveform, sample_rate: int) -> str:
        """See :class:`SpeechRecogniser`."""
        samples = _resampled(waveform, sample_rate)
        peak = float(samples.abs().max()) if len(samples) else 0.0
        if not peak:
            return ""
        # clipping would be heard as noise: lower what exceeds full scale
        pcm = (samples / max(1.0, peak) * 32767).round().to(torch.int16).numpy().tobytes()
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        # "read(2)" is a second pronunciation of "read"
        return normalise_text(re.sub(r"\(\d+\)", "", hypothesis.hypstr)) if hypothesis else ""


class Wav2Vec2Recogniser:
    """Greedy CTC of torchaudio's wav2vec 2.0 (Baevski et al. 2020), 960 h of LibriSpeech.

    Args:
        bundle: name in ``torchaudio.pipelines``.
        device: torch device.

    Raises:
        ValueError: no such bundle.
        ConnectionError: its weights (about 360 MB) are neither cached nor downloadable.
    """

    def __init__(self, bundle: str = "WAV2VEC2_ASR_BASE_960H", device: str = "cpu") -> None:
        known = [name for name in dir(torchaudio.pipelines) if "_ASR_" in name]
        if bundle not in known:
            raise ValueError(f"expected one of {known}, got {bundle!r}; choose one of them")
        self.name = bundle.lower()
        self._bundle = getattr(torchaudio.pipelines, bundle)
        try:
            self._model = self._bundle.get_model().eval().to(device)
        except OSError as error:
            raise ConnectionError(
                f"the weights of {bundle} could not be downloaded ({error}); connect this machine "
                "or use PocketsphinxRecogniser, which needs no network"
            ) from error
        self._labels: Sequence[str] = self._bundle.get_labels()
        self._device = device

    @torch.inference_mode()
    def transcribe(self, waveform: Waveform, sample_rate: int) -> str:
        """See :class:`SpeechRecogniser`."""
        samples = _resampled(waveform, sample_rate).unsqueeze(0).to(self._device)
        emissions, _ = self._model(samples)
        best = emissions[0].argmax(-1).tolist()
        letters = [best[0], *(after for before, after in pairwise(best) if after != before)]
        text = "".join(self._labels[letter] for letter in letters if letter != 0)
        return normalise_text(text.replace("|", " "))


def _resampled(waveform: Waveform, sample_rate: int) -> torch.Tensor:
    samples = torch.as_tensor(np.asarray(waveform, dtype=np.float32))
    if samples.ndim != 1:
        raise ValueError(
            f"expected a mono waveform (samples,), got {tuple(samples.shape)}; average channels"
        )
    return torchaudio.functional.resample(samples, sample_rate, RATE_HZ)
