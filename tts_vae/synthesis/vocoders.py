"""Which vocoder a voice speaks through: its own, one that is asked for, or Griffin-Lim."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from tts_vae.synthesis.voice_folders import VOCODER, vocoder_of

if TYPE_CHECKING:
    from tts_vae.audio.mel import MelConfig

GRIFFIN_LIM = "griffin-lim"
"""The word for no trained vocoder."""

MelsToWaveform = Callable[..., Tensor]
"""Mels (1, frames, n_mels) -> waveform (1, samples); ``f0_hz`` too where it ``takes_pitch``."""


def choose_vocoder(
    choice: MelsToWaveform | str | Path | None, voice_folder: Path, mel: "MelConfig"
) -> MelsToWaveform | None:
    """The vocoder that a voice speaks through.

    Args:
        choice: a vocoder; ``"griffin-lim"``; the folder of a trained vocoder, or of a voice that
            has one; None for the voice's own, Griffin-Lim if it has none.
        voice_folder: the voice.
        mel: the analysis of the voice's mels.

    Returns:
        The vocoder, or None for Griffin-Lim.

    Raises:
        ValueError: if there is no readable vocoder at the folder, or it was made for other mels.
    """
    if choice is None:
        own = vocoder_of(voice_folder)
        return None if own is None else _load(own, mel)
    if not isinstance(choice, str | Path):
        return choice
    if str(choice) == GRIFFIN_LIM:
        return None
    folder = Path(choice)
    if not folder.is_dir():
        raise ValueError(
            f"expected {GRIFFIN_LIM!r} or the folder of a vocoder, got {str(choice)!r}; give a "
            "folder that exists, or leave the vocoder out to take the voice's own"
        )
    return _load(folder / VOCODER if (folder / VOCODER).is_dir() else folder, mel)


class SeededGriffinLim:
    """Griffin-Lim whose filters are built once, for the first sentence, and its phase per seed."""

    def __init__(self, mel: "MelConfig") -> None:
        self._mel = mel
        self._built: Any = None

    def __call__(self, mels: Tensor, seed: int) -> Tensor:
        """Mels (1, frames, n_mels), seed of the first phase -> waveform (1, frames * hop)."""
        if self._built is None:
            from tts_vae.audio.griffin_lim import GriffinLim

            self._built = GriffinLim(self._mel)
        seeded = copy.copy(self._built)  # shares the filters; the original keeps its seed
        seeded.seed = seed
        return seeded(mels)


def _load(folder: Path, mel: "MelConfig") -> MelsToWaveform:
    from tts_vae.synthesis.vocoder_bundle import NeuralVocoder

    return NeuralVocoder(folder, mel)
