"""What every latent site of a voice says of recordings: posterior means, KL, responsibilities."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tts_vae.audio.mel import MelSpectrogram
from tts_vae.evaluation.voices.held_out import HeldOutRecording
from tts_vae.synthesis.voice import Voice

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Posteriors:
    """One site over recordings.

    Attributes:
        means: (recordings, width) posterior means; a site with steps gives the mean over them.
        kl_nats: (recordings,) KL from the prior.
        responsibilities: (recordings, components) of a mixture, or None.
        codes: (recordings,) most frequent code of each, first level; None without codes.
        components: components or codes in all; 0 for neither.
    """

    means: Floats
    kl_nats: Floats
    responsibilities: Floats | None
    codes: NDArray[np.int64] | None
    components: int

    @property
    def assignments(self) -> NDArray[np.int64] | None:
        """The component (or code) of each recording, (recordings,); None where there is none."""
        if self.responsibilities is not None:
            return self.responsibilities.argmax(1)
        return self.codes


@torch.inference_mode()
def infer_posteriors(voice: Voice, recordings: Sequence[HeldOutRecording]) -> dict[str, Posteriors]:
    """Infer every site of every recording, each read with its own speaker's prior.

    Raises:
        ValueError: there is no recording.
    """
    if not recordings:
        raise ValueError("expected at least one recording to infer, got none; give another split")
    model, analyse = voice.bundle.model, MelSpectrogram(voice.bundle.mel)
    seen: dict[str, list[tuple[Floats, float, Floats | None, int | None]]] = {
        site: [] for site in model.sites
    }
    for recording in recordings:
        mels = analyse(torch.from_numpy(recording.natural)).unsqueeze(0)
        conditions = {}
        if "speaker" in model.conditions and recording.speaker in voice.speakers:
            conditions["speaker"] = torch.tensor([voice.speakers.index(recording.speaker)])
        mask = torch.ones(mels.shape[:2], dtype=torch.bool)
        for site, output in model.infer(mels, mask, conditions, mode="mean").items():
            shares = output.statistics.get("responsibilities")
            seen[site].append(
                (
                    output.z[0].double().reshape(-1, output.z.shape[-1]).mean(0).numpy(),
                    float(output.kl[0]),
                    None if shares is None else shares[0].double().numpy(),
                    None if output.codes is None else _usual_code(output.codes, output.z),
                )
            )
    return {site: _stacked(rows, model.sites[site].components) for site, rows in seen.items()}


def _usual_code(codes: torch.Tensor, z: torch.Tensor) -> int:
    """Most frequent code of the first level over the real steps of one item."""
    first = codes[..., 0] if codes.ndim == z.ndim else codes
    return int(first[first >= 0].mode().values)


def _stacked(
    rows: Sequence[tuple[Floats, float, Floats | None, int | None]], components: int
) -> Posteriors:
    means, nats, shares, codes = zip(*rows, strict=True)
    return Posteriors(
        means=np.stack(means),
        kl_nats=np.array(nats),
        responsibilities=None if shares[0] is None else np.stack(shares),
        codes=None if codes[0] is None else np.array(codes, dtype=np.int64),
        components=components,
    )
