"""A vocoder as files: config.yaml, model.safetensors and README.md in one folder.

As a voice's folder it holds no code and no pickle, and its configuration carries the SHA-256 of the
weights. :class:`NeuralVocoder` reads one and is called as Griffin-Lim is.
"""

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import yaml
from safetensors import SafetensorError
from torch import Tensor

from tts_vae.audio.mel import MelConfig, mel_basis
from tts_vae.models.vocoder.istft_vocoder import IstftVocoder
from tts_vae.synthesis.bundle import CARD, CONFIG, WEIGHTS, _plain, instantiate
from tts_vae.synthesis.processor import cpu_has_bfloat16
from tts_vae.whole_file import whole_file

_KEYS = ("vocoder", "mel", "weights_sha256")


@dataclass(frozen=True)
class VocoderBundle:
    """What a vocoder folder holds.

    Attributes:
        model: the network with its weights, in evaluation mode, on the CPU.
        mel: analysis constants of the mels it understands.
        metadata: the remaining keys of config.yaml (corpus, steps, git, metrics, ...).
    """

    model: IstftVocoder
    mel: MelConfig
    metadata: dict[str, Any]


def build_vocoder(config: Mapping[str, Any], mel: MelConfig) -> IstftVocoder:
    """The network that a ``_target_`` tree describes, told the filters of the mels.

    Raises:
        ValueError: if it is no vocoder of ours, or its sizes are not those of the mels.
    """
    model = instantiate(config)
    if not isinstance(model, IstftVocoder):
        raise ValueError(
            f"vocoder must be a {IstftVocoder.__module__}.IstftVocoder, got {type(model).__name__}"
        )
    for name in ("n_mels", "n_fft", "hop_length", "floor", "sample_rate"):
        if name == "sample_rate" and model.pitch is None:
            continue  # only a source counts in Hz
        if getattr(model, name) != getattr(mel, name):
            raise ValueError(
                f"vocoder.{name} is {getattr(model, name)} and mel.{name} {getattr(mel, name)}; "
                "give both the same"
            )
    model.use_mel_basis(mel_basis(mel))
    return model


def save_vocoder(
    folder: str | Path,
    *,
    model_config: Mapping[str, Any],
    model: IstftVocoder,
    mel: MelConfig,
    card: str,
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Write a vocoder; the configuration, which vouches for the weights, comes last.

    Args:
        folder: where to; created.
        model_config: the ``_target_`` tree that builds ``model``.
        model: the trained network.
        mel: analysis constants.
        card: text of the model card.
        metadata: more keys of config.yaml.

    Returns:
        The folder.

    Raises:
        ValueError: if metadata repeats a key of the folder.
    """
    folder = Path(folder)
    clash = sorted(set(_KEYS) & set(metadata or {}))
    if clash:
        raise ValueError(f"metadata may not repeat the vocoder's own keys {clash}; rename them")
    tensors = {name: t.detach().cpu().clone() for name, t in model.state_dict().items()}
    weights = safetensors.torch.save(dict(sorted(tensors.items())))
    config = {
        "vocoder": model_config,
        "mel": asdict(mel),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        **(metadata or {}),
    }
    text = yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {CARD: card.encode(), WEIGHTS: weights, CONFIG: text.encode()}.items():
        with whole_file(folder / name) as partial:
            partial.write_bytes(content)
    return folder


def load_vocoder(folder: str | Path) -> VocoderBundle:
    """Read a vocoder folder.

    Raises:
        ValueError: if the folder is missing or no vocoder, a file is truncated or corrupt, or the
            weights do not fit the configuration.
    """
    folder = Path(folder)
    missing = [name for name in (CONFIG, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        state = f"lacks {', '.join(missing)}" if folder.is_dir() else "is not a folder"
        raise ValueError(
            f"{folder} {state}; a vocoder is a folder with {CONFIG} and {WEIGHTS}: train one with "
            "`python -m recipes.train_vocoder`"
        )
    config = _read_config(folder / CONFIG)
    weights = (folder / WEIGHTS).read_bytes()
    if hashlib.sha256(weights).hexdigest() != config["weights_sha256"]:
        raise ValueError(
            f"{folder / WEIGHTS} is not the file that {CONFIG} was written with (truncated, "
            "corrupt or half replaced); copy or train the vocoder again"
        )
    known = {field.name for field in fields(MelConfig)}
    if set(config["mel"]) != known:
        raise ValueError(f"{folder / CONFIG}: mel must have the keys {sorted(known)}")
    mel = MelConfig(**config["mel"])
    with torch.random.fork_rng(devices=[]):  # building draws initial weights: not the caller's
        model = build_vocoder(config["vocoder"], mel)
    try:
        tensors = safetensors.torch.load(weights)
        model.load_state_dict(tensors)
    except (RuntimeError, SafetensorError) as error:
        raise ValueError(
            f"{folder}: the weights do not fit the network of {CONFIG} "
            f"({' '.join(str(error).split())[:300]}); the two files belong to different vocoders"
        ) from error
    bad = [name for name, t in tensors.items() if not t.isfinite().all()]
    if bad:
        raise ValueError(f"{folder / WEIGHTS} holds numbers that are not finite in {bad[:3]}")
    return VocoderBundle(
        model=model.eval().requires_grad_(False),
        mel=mel,
        metadata={key: value for key, value in config.items() if key not in _KEYS},
    )


class NeuralVocoder:
    """A trained vocoder behind the door of :class:`tts_vae.audio.griffin_lim.Vocoder`.

    Args:
        source: a vocoder folder, or what :func:`load_vocoder` read.
        mel: constants of the mels it will be given; None trusts the caller.
        precision: of the layers: "float32", "bfloat16", or "auto": bfloat16 where the processor
            computes in it. The transforms are always float32.

    Raises:
        ValueError: if there is no readable vocoder, it was made for other mels (every constant
            that differs is named), or the precision is unknown.
    """

    def __init__(
        self,
        source: str | Path | VocoderBundle,
        mel: MelConfig | None = None,
        precision: str = "auto",
    ) -> None:
        if precision not in ("auto", "float32", "bfloat16"):
            raise ValueError(f"precision must be auto, float32 or bfloat16, got {precision!r}")
        self.bundle = source if isinstance(source, VocoderBundle) else load_vocoder(source)
        if mel is not None:
            check_same_mels(asdict(self.bundle.mel), mel)
        self._model = self.bundle.model
        if precision == "bfloat16" or (precision == "auto" and cpu_has_bfloat16()):
            self._model = copy.deepcopy(self._model)
            self._model.to_bfloat16()

    @torch.inference_mode()
    def __call__(
        self, mels: Tensor, lengths: Tensor | None = None, f0_hz: Tensor | None = None
    ) -> Tensor:
        """Mels to waveform.

        Args:
            mels: (batch, frames, n_mels).
            lengths: (batch,) frames of each.
            f0_hz: (batch, frames), pitch that voiced frames are meant to have, NaN where nobody
                knows; only a vocoder with a source (:attr:`takes_pitch`) listens to it.

        Returns:
            (batch, frames * hop_length).
        """
        samples: Tensor = self._model(mels.float(), lengths, f0_hz)
        return samples

    @property
    def takes_pitch(self) -> bool:
        """Whether it follows a pitch that is told."""
        return self._model.takes_pitch


def check_same_mels(vocoder: Mapping[str, Any], voice: MelConfig) -> None:
    """Raise ValueError, naming every constant that differs, unless two analyses are the same.

    Args:
        vocoder: constants of the vocoder's mels, by the names of :class:`MelConfig`, and what is
            fixed in ours: mel_scale, norm and padding.
        voice: those of the mels it is to be given.
    """
    theirs = {**asdict(voice), "mel_scale": "slaney", "norm": "slaney", "padding": "same"}
    differ = [
        f"{name} is {value} there and {theirs[name]} here"
        for name, value in vocoder.items()
        if value != theirs[name]
    ]
    if differ:
        raise ValueError(
            f"the vocoder was made for other mels than the voice's: {'; '.join(differ)}; use a "
            "vocoder of the voice's analysis"
        )


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} is not readable YAML ({' '.join(str(error).split())[:200]})"
        ) from error
    if not isinstance(config, dict) or any(key not in config for key in _KEYS):
        raise ValueError(f"{path} is of no vocoder; its configuration has {list(_KEYS)}")
    for key in ("vocoder", "mel"):
        if not isinstance(config[key], dict):
            raise ValueError(f"{path}: {key} must be a mapping, got {type(config[key]).__name__}")
    return config
