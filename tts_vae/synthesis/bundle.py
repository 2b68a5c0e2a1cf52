"""A voice as files: config.yaml, model.safetensors, styles.json and README.md in one folder.

No pickle, and no code but ours: the classes named by ``_target_`` are network modules defined in
``tts_vae``, so a voice from a stranger cannot run anything. The configuration carries the SHA-256
of the weights, so a truncated, corrupt or half-replaced folder is found before it speaks.
"""

import hashlib
import importlib
import inspect
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import yaml
from safetensors import SafetensorError

from tts_vae.audio.mel import MelConfig
from tts_vae.models.latent_model import LatentModel
from tts_vae.synthesis.voice_folders import CARD, CONFIG, STYLES, WEIGHTS, suggestion

_PACKAGE = "tts_vae."
_KEYS = ("model", "mel", "front_end", "symbols", "speakers", "weights_sha256")


@dataclass(frozen=True)
class VoiceBundle:
    """What a voice folder holds.

    Attributes:
        model: the network with its weights, in evaluation mode, on the CPU.
        mel: analysis constants of the mels it speaks.
        front_end: name of the phonemizer ("espeak" or "grapheme").
        symbols: the symbol table, padding first.
        speakers: names in the order of the model's speaker condition.
        styles: contents of styles.json.
        metadata: the remaining keys of config.yaml (corpus, experiment, git, metrics, ...).
    """

    model: LatentModel
    mel: MelConfig
    front_end: str
    symbols: tuple[str, ...]
    speakers: tuple[str, ...]
    styles: dict[str, Any]
    metadata: dict[str, Any]


def instantiate(config: Any) -> Any:
    """Build the object a configuration describes.

    A mapping with ``_target_`` becomes an instance of that class with its other entries as keyword
    arguments; other mappings become dicts and sequences become tuples, recursively.

    Raises:
        ValueError: if a ``_target_`` is not a network class of tts_vae, or its arguments are wrong.
    """
    if isinstance(config, Mapping):
        arguments = {str(key): instantiate(v) for key, v in config.items() if key != "_target_"}
        if "_target_" not in config:
            return arguments
        cls = _locate(config["_target_"])
        try:
            inspect.signature(cls).bind(**arguments)
            return cls(**arguments)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"cannot build {config['_target_']} from the given arguments "
                f"{sorted(arguments)}: {error}"
            ) from error
    if isinstance(config, Sequence) and not isinstance(config, str | bytes):
        return tuple(instantiate(item) for item in config)
    return config


def save_voice(
    folder: str | Path,
    *,
    model_config: Mapping[str, Any],
    model: LatentModel,
    mel: MelConfig,
    front_end: str,
    symbols: Sequence[str],
    speakers: Sequence[str],
    styles: Mapping[str, Any],
    card: str,
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Write a voice; whatever happens, the folder never holds half a file.

    Args:
        folder: where to; created, or its four files replaced one by one.
        model_config: the ``_target_`` tree that :func:`instantiate` builds ``model`` from.
        model: the trained network.
        mel: analysis constants.
        front_end: name of the phonemizer.
        symbols: the symbol table, padding first.
        speakers: names in the order of the speaker condition.
        styles: contents of styles.json; ``styles["sites"][site]`` may hold ``default`` (a vector,
            the mean of the training posteriors) and ``usage`` (share of each component).
        card: text of the model card.
        metadata: more keys of config.yaml: corpus, experiment, git, metrics.

    Returns:
        The folder.

    Raises:
        ValueError: if metadata repeats a key of the bundle, or styles hold a number that is not
            finite.
    """
    folder = Path(folder)
    clash = sorted(set(_KEYS) & set(metadata or {}))
    if clash:
        raise ValueError(f"metadata may not repeat the voice's own keys {clash}; rename them")
    tensors = {name: t.detach().cpu().clone() for name, t in model.state_dict().items()}
    weights = safetensors.torch.save(dict(sorted(tensors.items())))
    config = {
        "model": model_config,
        "mel": asdict(mel),
        "front_end": front_end,
        "symbols": list(symbols),
        "speakers": list(speakers),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        **(metadata or {}),
    }
    try:
        styles_text = json.dumps(_plain(styles), indent=1, allow_nan=False)
    except ValueError as error:
        raise ValueError(f"styles of a voice must be finite numbers: {error}") from error
    files = {
        CARD: card.encode(),
        STYLES: styles_text.encode(),
        WEIGHTS: weights,
        CONFIG: yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True).encode(),
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.parent / f".{folder.name}.partial-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        for name, content in files.items():
            with open(partial / name, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        if folder.exists():
            for name in files:
                os.replace(partial / name, folder / name)
        else:
            os.rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def load_voice(folder: str | Path) -> VoiceBundle:
    """Read a voice folder.

    Raises:
        ValueError: if the folder is missing or not a voice (the voices nearby are listed), a file
            is truncated or corrupt, or the weights do not fit the configuration.
    """
    folder = Path(folder)
    missing = [name for name in (CONFIG, WEIGHTS, STYLES) if not (folder / name).is_file()]
    if missing:
        state = f"lacks {', '.join(missing)}" if folder.is_dir() else "is not a folder"
        raise ValueError(
            f"{folder} {state}; a voice is a folder with {CONFIG}, {WEIGHTS} and {STYLES}"
            f"{suggestion(folder)}"
        )
    config = _read_config(folder / CONFIG)
    weights = (folder / WEIGHTS).read_bytes()
    digest = config.get("weights_sha256")
    if digest is not None and hashlib.sha256(weights).hexdigest() != digest:
        raise ValueError(
            f"{folder / WEIGHTS} is not the file that {CONFIG} was written with (truncated, "
            "corrupt or half replaced); copy or train the voice again"
        )
    try:
        tensors = safetensors.torch.load(weights)
    except (SafetensorError, ValueError) as error:
        raise ValueError(
            f"{folder / WEIGHTS} is not a readable safetensors file ({error}); copy the voice again"
        ) from error
    with torch.random.fork_rng(devices=[]):  # building draws initial weights: not the caller's
        model = instantiate(config["model"])
    if not isinstance(model, LatentModel):
        raise ValueError(
            f"{folder / CONFIG}: model must be a tts_vae.models.latent_model.LatentModel, "
            f"got {type(model).__name__}"
        )
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(
            f"{folder}: the weights do not fit the model of {CONFIG} "
            f"({' '.join(str(error).split())[:300]}); the two files belong to different voices"
        ) from error
    bad = [name for name, t in tensors.items() if t.is_floating_point() and not t.isfinite().all()]
    if bad:
        raise ValueError(f"{folder / WEIGHTS} holds numbers that are not finite in {bad[:3]}")
    try:
        mel = MelConfig(**config["mel"])
    except TypeError as error:
        raise ValueError(f"{folder / CONFIG}: mel: {error}") from error
    return VoiceBundle(
        model=model.eval().requires_grad_(False),
        mel=mel,
        front_end=str(config["front_end"]),
        symbols=tuple(map(str, config["symbols"])),
        speakers=tuple(map(str, config["speakers"])),
        styles=_read_styles(folder / STYLES),
        metadata={key: value for key, value in config.items() if key not in _KEYS},
    )


def _locate(target: Any) -> type[torch.nn.Module]:
    """The network class of a ``_target_``; anything else is refused."""
    advice = f"expected a network class of {_PACKAGE}*, such as {_PACKAGE}models.latent_model"
    if not isinstance(target, str) or not target.startswith(_PACKAGE):
        raise ValueError(f"_target_ {target!r} is refused: {advice}.LatentModel")
    module, _, name = target.rpartition(".")
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"_target_ {target!r} does not exist ({error}); {advice}") from error
    if not (inspect.isclass(cls) and issubclass(cls, torch.nn.Module)) or not (
        cls.__module__.startswith(_PACKAGE)
    ):
        raise ValueError(f"_target_ {target!r} is refused: {advice}.LatentModel")
    return cls


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not readable YAML ({str(error)[:200]})") from error
    expected = [key for key in _KEYS if key != "weights_sha256"]
    absent = [key for key in expected if not isinstance(config, dict) or key not in config]
    if absent:
        raise ValueError(f"{path} lacks {absent}; a voice's configuration has {expected}")
    for key, kind in {"model": dict, "mel": dict, "symbols": list, "speakers": list}.items():
        if not isinstance(config[key], kind):
            raise ValueError(
                f"{path}: {key} must be a {kind.__name__}, got {type(config[key]).__name__}"
            )
    return config


def _read_styles(path: Path) -> dict[str, Any]:
    try:
        styles = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # JSON and UTF-8 errors are both ValueErrors
        raise ValueError(f"{path} is not readable JSON ({error})") from error
    if not isinstance(styles, dict) or not isinstance(styles.get("sites", {}), dict):
        raise ValueError(f'{path} must be an object with "sites": {{site: {{...}}}}')
    return styles


def _plain(value: Any) -> Any:
    """Mappings, sequences, tensors and numpy values as what YAML and JSON can hold."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return float(value)  # numpy's float64 is a float that YAML does not know
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
    return str(value)
