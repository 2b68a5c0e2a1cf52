"""A trained network as two files: config.yaml names its parts, model.safetensors holds them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import yaml
from safetensors import SafetensorError
from torch import nn

from tts_vae.synthesis.bundle import CONFIG, WEIGHTS, instantiate
from tts_vae.whole_file import whole_file


def save_model(
    folder: Path, config: Mapping[str, Any], model: nn.Module, notes: Mapping[str, Any]
) -> None:
    """Write a network; the configuration, which vouches for the weights, comes last.

    Args:
        folder: where to; created.
        config: the ``_target_`` tree that builds the network.
        model: the network.
        notes: plain values to keep beside it.
    """
    tensors = {name: t.detach().cpu().clone() for name, t in model.state_dict().items()}
    weights = safetensors.torch.save(dict(sorted(tensors.items())))
    described = {
        "model": dict(config),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        **notes,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / WEIGHTS) as partial:
        partial.write_bytes(weights)
    with whole_file(folder / CONFIG) as partial:
        partial.write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")


def load_model(folder: Path) -> Any:
    """Read a network in evaluation mode, without gradients.

    Raises:
        ValueError: if a file is missing, truncated or of another network.
    """
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise ValueError(f"{folder} lacks {name}; train the model again, or copy it whole")
    config = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    weights = (folder / WEIGHTS).read_bytes()
    if hashlib.sha256(weights).hexdigest() != config["weights_sha256"]:
        raise ValueError(
            f"{folder / WEIGHTS} is not the file that {CONFIG} was written with (truncated, "
            "corrupt or half replaced); copy or train the model again"
        )
    model = instantiate(config["model"])
    try:
        model.load_state_dict(safetensors.torch.load(weights))
    except (RuntimeError, SafetensorError) as error:
        raise ValueError(
            f"{folder}: the weights do not fit {CONFIG} ({' '.join(str(error).split())[:300]})"
        ) from error
    return model.eval().requires_grad_(False)
