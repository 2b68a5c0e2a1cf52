"""Public vocoders behind the door of :class:`tts_vae.audio.griffin_lim.Vocoder`.

A checkpoint fits only if its mels were made as the voice's are; where they were not, the error
names every constant that differs. HiFi-GAN runs in a network of ours, Vocos in its own package.
"""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import yaml
from torch import Tensor, nn

from tts_vae.audio.mel import MelConfig
from tts_vae.models.vocoder.hifigan import HifiGanGenerator, fold_weight_norm
from tts_vae.synthesis.vocoder_bundle import check_same_mels

_HIFIGAN_MELS = {
    "sampling_rate": "sample_rate",
    "n_fft": "n_fft",
    "hop_size": "hop_length",
    "win_size": "win_length",
    "num_mels": "n_mels",
    "fmin": "fmin",
    "fmax": "fmax",
}
_HIFIGAN_SIZES = (
    "resblock",
    "upsample_rates",
    "upsample_kernel_sizes",
    "upsample_initial_channel",
    "resblock_kernel_sizes",
    "resblock_dilation_sizes",
)
# what vocos.feature_extractors.MelSpectrogramFeatures takes and means where nothing is said
_VOCOS_MELS: dict[str, Any] = {
    "sample_rate": 24000,
    "n_fft": 1024,
    "hop_length": 256,
    "n_mels": 100,
    "f_min": 0.0,
    "mel_scale": "htk",
    "norm": None,
    "padding": "center",
}


class OutsideVocoder:
    """A network of others, called as Griffin-Lim is.

    Args:
        network: mels (batch, frames, n_mels) -> samples (batch, frames * hop_length).
        hop_length: samples per frame.
    """

    def __init__(self, network: nn.Module, hop_length: int) -> None:
        self.network = network.eval().requires_grad_(False)
        self.hop_length = hop_length

    @torch.inference_mode()
    def __call__(self, mels: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Mels (batch, frames, n_mels), lengths (batch,) in frames -> (batch, frames * hop)."""
        if lengths is None:
            whole: Tensor = self.network(mels.float())
            return whole
        # these networks know no masks: one by one, no utterance hears the padding of another
        out = mels.new_zeros(len(mels), mels.shape[1] * self.hop_length, dtype=torch.float32)
        for number, frames in enumerate(lengths.tolist()):
            said = self.network(mels[number : number + 1, :frames].float())
            out[number, : frames * self.hop_length] = said[0]
        return out


def load_hifigan(checkpoint: str | Path, config: str | Path, mel: MelConfig) -> OutsideVocoder:
    """A HiFi-GAN generator of Kong et al. 2020 (V1, V2, V3, UNIVERSAL).

    Args:
        checkpoint: the published ``generator_*`` file, or its weights as safetensors.
        config: the config.json beside it.
        mel: constants of the mels it will be given.

    Raises:
        ValueError: if a file cannot be read, the mel conventions differ, or the weights do not fit
            the configuration.
    """
    settings = _read(Path(config), json.loads)
    lacks = [key for key in (*_HIFIGAN_MELS, *_HIFIGAN_SIZES) if key not in settings]
    if lacks:
        raise ValueError(f"{config} lacks {lacks}; give the config.json of the checkpoint")
    check_same_mels({ours: settings[theirs] for theirs, ours in _HIFIGAN_MELS.items()}, mel)
    network = HifiGanGenerator(mel.n_mels, **{key: settings[key] for key in _HIFIGAN_SIZES})
    weights = _read_weights(Path(checkpoint))
    _fill(network, fold_weight_norm(weights.get("generator", weights)), Path(checkpoint))
    return OutsideVocoder(network, mel.hop_length)


def load_vocos(folder: str | Path, mel: MelConfig) -> OutsideVocoder:
    """A Vocos model of Siuzdak 2023, run by the package ``vocos``.

    Args:
        folder: holds config.yaml and pytorch_model.bin, as on the model hub.
        mel: constants of the mels it will be given.

    Raises:
        ValueError: if a file cannot be read, the mel conventions differ (charactr/vocos-mel-24khz
            is of another one), the configuration names classes that are not Vocos's, or the
            weights do not fit it.
        ImportError: if the package is not installed.
    """
    folder = Path(folder)
    settings = _read(folder / "config.yaml", yaml.safe_load)
    lacks = [key for key in ("feature_extractor", "backbone", "head") if key not in settings]
    if lacks:
        raise ValueError(f"{folder / 'config.yaml'} lacks {lacks}; give the folder of a Vocos")
    said = _VOCOS_MELS | dict(settings["feature_extractor"].get("init_args", {}))
    constants = {
        name: said[name] for name in ("sample_rate", "n_fft", "hop_length", "n_mels", "padding")
    }
    constants |= {"mel_scale": said["mel_scale"], "norm": said["norm"], "fmin": said["f_min"]}
    constants["win_length"] = said.get("win_length", said["n_fft"])
    constants["fmax"] = said.get("f_max") or said["sample_rate"] / 2
    check_same_mels(constants, mel)
    network = _Vocos(_vocos_part(settings["backbone"]), _vocos_part(settings["head"]))
    weights = _read_weights(folder / "pytorch_model.bin")
    ours = {k: v for k, v in weights.items() if not k.startswith("feature_extractor.")}
    _fill(network, ours, folder)
    return OutsideVocoder(network, mel.hop_length)


class _Vocos(nn.Module):
    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, mels: Tensor) -> Tensor:
        samples: Tensor = self.head(self.backbone(mels.transpose(1, 2)))
        return samples


def _vocos_part(described: Mapping[str, Any]) -> nn.Module:
    module, _, name = str(described.get("class_path", "")).rpartition(".")
    if module not in ("vocos.models", "vocos.heads"):
        raise ValueError(
            f"class_path {described.get('class_path')!r} is refused: expected a class of "
            "vocos.models or vocos.heads"
        )
    try:
        cls = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise ImportError(
            f"a Vocos checkpoint needs the package vocos ({error}); pip install vocos"
        ) from error
    part: nn.Module = cls(**described.get("init_args", {}))
    return part


def _read(path: Path, parse: Any) -> dict[str, Any]:
    try:
        settings = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ValueError(
            f"expected a readable configuration, got {path} ({' '.join(str(error).split())[:200]})"
        ) from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path} must be a mapping, got {type(settings).__name__}")
    return settings


def _read_weights(path: Path) -> dict[str, Any]:
    try:
        if path.suffix == ".safetensors":
            return dict(safetensors.torch.load_file(path))
        weights = torch.load(path, map_location="cpu", weights_only=True)  # tensors, no code
    except Exception as error:  # each kind of damage has its own class
        raise ValueError(
            f"expected a readable checkpoint, got {path} ({' '.join(str(error).split())[:200]}); "
            "copy it again"
        ) from error
    if not isinstance(weights, dict):
        raise ValueError(f"{path} holds {type(weights).__name__}; expected named weights")
    return weights


def _fill(network: nn.Module, weights: Mapping[str, Tensor], source: Path) -> None:
    try:
        network.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise ValueError(
            f"{source}: the weights do not fit their configuration "
            f"({' '.join(str(error).split())[:300]}); the two belong to different vocoders"
        ) from error
