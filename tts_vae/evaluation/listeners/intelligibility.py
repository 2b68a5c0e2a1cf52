"""Phone error rate by an independent CTC phone recogniser: the judge.

A judge never meets synthetic speech in training: it hears the corpus's recordings alone
(``recipes/train_judge.py``). Its error on natural recordings and on their copy-synthesis (natural
mels through the same vocoder) is always reported beside that on synthesis.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchaudio.functional
from numpy.typing import NDArray
from safetensors.torch import load
from torch import Tensor, nn

from tts_vae.audio.mel import MelConfig, MelSpectrogram
from tts_vae.evaluation.measures.error_rate import ErrorRate, corpus_error_rate
from tts_vae.models.speech.alignment import ForcedAlignment, forced_alignment
from tts_vae.models.speech.recogniser import CtcRecogniser
from tts_vae.text.symbols import PAUSE_LABEL, plain_phone

Waveform = NDArray[np.floating]
Vocode = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Intelligibility:
    """Phone error rates of the same texts, from best to what is judged."""

    natural: ErrorRate
    copy_synthesis: ErrorRate
    synthesis: ErrorRate

    def summary(self) -> dict[str, Any]:
        """Plain numbers for a metrics file."""
        return {
            "natural": self.natural.summary(),
            "copy_synthesis": self.copy_synthesis.summary(),
            "synthesis": self.synthesis.summary(),
        }


class Judge:
    """A frozen phone recogniser with its labels and mel convention.

    Args:
        recogniser: trained; put into evaluation mode.
        labels: name of each label, the blank first.
        mel: convention of its mels.
        notes: how it was trained and its phone error on natural held-out recordings.
    """

    def __init__(
        self,
        recogniser: CtcRecogniser,
        labels: Sequence[str],
        mel: MelConfig,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        if len(labels) != recogniser.n_labels:
            raise ValueError(
                f"expected {recogniser.n_labels} labels, got {len(labels)}; "
                "pass the ones the recogniser was trained with"
            )
        self.recogniser = recogniser.eval()
        self.labels = tuple(labels)
        self.mel = mel
        self.notes = dict(notes or {})
        self._index = {label: i for i, label in enumerate(self.labels)}
        self._analyse = MelSpectrogram(mel)

    @classmethod
    def load(cls, judge: str | Path = "espeak") -> "Judge":
        """Load a judge that ships with the package by name, or any other by its file.

        Args:
            judge: "espeak", or the path of a ``.safetensors`` file with its ``.json`` beside it.

        Raises:
            ValueError: there is no such judge; those that ship are listed.
        """
        shipped = Path(str(resources.files("tts_vae.evaluation.listeners"))) / "judges"
        own = Path(judge).suffix == ".safetensors"
        weights = Path(judge) if own else shipped / f"{judge}.safetensors"
        sidecar = weights.with_suffix(".json")
        if not weights.is_file() or not sidecar.is_file():
            names = sorted(path.stem for path in shipped.glob("*.safetensors"))
            raise ValueError(
                f"expected a judge, got {str(judge)!r}; give one of {names} or the path of a "
                ".safetensors file that recipes/train_judge.py wrote (its .json beside it)"
            )
        config = json.loads(sidecar.read_text(encoding="utf-8"))
        recogniser = CtcRecogniser(len(config["labels"]), **config["recogniser"])
        tensors = {name: value.float() for name, value in load(weights.read_bytes()).items()}
        recogniser.load_state_dict(tensors)
        return cls(recogniser, config["labels"], MelConfig(**config["mel"]), config["notes"])

    def mels(self, waveform: Waveform, sample_rate: int) -> Tensor:
        """Mels (frames, n_mels) of a recording (samples,), resampled where needed."""
        samples = torch.as_tensor(np.asarray(waveform, dtype=np.float32))
        if sample_rate != self.mel.sample_rate:
            samples = torchaudio.functional.resample(samples, sample_rate, self.mel.sample_rate)
        return self._analyse(samples)

    @torch.inference_mode()
    def transcribe(self, mels: Sequence[Tensor], batch_size: int = 16) -> list[list[str]]:
        """Phones heard in each utterance, pauses left out.

        Args:
            mels: for each utterance (frames, n_mels) natural-log magnitude.
            batch_size: utterances at once; it does not change the result.
        """
        heard: list[list[str]] = []
        for start in range(0, len(mels), batch_size):
            padded, mask = _pad(mels[start : start + batch_size])
            for row in self.recogniser.greedy(self.recogniser(padded, mask)):
                names = (self.labels[label] for label in row)
                heard.append([name for name in names if name != PAUSE_LABEL])
        return heard

    def per(self, tokens: Sequence[Sequence[str]], mels: Sequence[Tensor]) -> ErrorRate:
        """Phone error rate of utterances against their tokens; stress and pauses do not count.

        Args:
            tokens: for each utterance its tokens as a phonemizer or the corpus gives them.
            mels: for each utterance (frames, n_mels).
        """
        return corpus_error_rate([spoken_phones(row) for row in tokens], self.transcribe(mels))

    def per_of_waveforms(
        self, tokens: Sequence[Sequence[str]], waveforms: Sequence[Waveform], sample_rate: int
    ) -> ErrorRate:
        """As :meth:`per`, of waveforms (samples,)."""
        return self.per(tokens, [self.mels(waveform, sample_rate) for waveform in waveforms])

    def align(self, tokens: Sequence[Sequence[str]], mels: Sequence[Tensor]) -> ForcedAlignment:
        """Durations in frames of each token as this judge hears them, not as a model says.

        Raises:
            ValueError: a token is not among the labels.
        """
        labels = [self._encode(row) for row in tokens]
        padded, mask = _pad(mels)
        return forced_alignment(self.recogniser, padded, mask, labels)

    def _encode(self, tokens: Sequence[str]) -> list[int]:
        plain = [plain_phone(token) for token in tokens]
        unknown = sorted({phone for phone in plain if phone not in self._index})
        if unknown:
            raise ValueError(
                f"expected phones this judge knows, got {unknown}; it was trained on "
                f"{len(self.labels)} labels: use the judge of the same front end"
            )
        return [self._index[phone] for phone in plain]


def spoken_phones(tokens: Sequence[str]) -> list[str]:
    """Tokens without stress, punctuation and the start: what a phone error rate counts."""
    plain = (plain_phone(token) for token in tokens)
    return [phone for phone in plain if phone != PAUSE_LABEL]


def judge_voice(
    judge: Judge,
    tokens: Sequence[Sequence[str]],
    natural: Sequence[Waveform],
    synthesis: Sequence[Waveform],
    sample_rate: int,
    vocode: Vocode,
) -> Intelligibility:
    """Phone error rate of natural recordings, their copy-synthesis, and synthesis.

    Args:
        judge: independent of the voice.
        tokens: of each utterance.
        natural: recordings of the same texts, (samples,) each.
        synthesis: the voice's, made with the same vocoder.
        sample_rate: Hz, of both.
        vocode: mels (1, frames, n_mels) to waveform (1, samples).
    """
    natural_mels = [judge.mels(waveform, sample_rate) for waveform in natural]
    copies = [vocode(mels.unsqueeze(0)).squeeze(0).cpu().numpy() for mels in natural_mels]
    return Intelligibility(
        natural=judge.per(tokens, natural_mels),
        copy_synthesis=judge.per_of_waveforms(tokens, copies, judge.mel.sample_rate),
        synthesis=judge.per_of_waveforms(tokens, synthesis, sample_rate),
    )


def _pad(mels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([mel.shape[0] for mel in mels])
    padded = nn.utils.rnn.pad_sequence([mel.float().cpu() for mel in mels], batch_first=True)
    return padded, torch.arange(padded.shape[1]) < lengths.unsqueeze(1)
