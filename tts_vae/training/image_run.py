"""From one resolved configuration to a trained image model: the baselines of the latent core."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning
import torch

from tts_vae.models.latent_model import LatentModel
from tts_vae.objectives.contract import Objective
from tts_vae.synthesis.bundle import instantiate
from tts_vae.training.callbacks import CollapseWatch, ProgressBar
from tts_vae.training.checkpoints import RunCheckpoint
from tts_vae.training.image_data import ImageData
from tts_vae.training.loop import check_keys, fit, last_checkpoint, make_trainer
from tts_vae.training.mixture_start import MixtureStart
from tts_vae.training.model_folder import load_model, save_model
from tts_vae.training.module import LatentModule
from tts_vae.training.quiet import quiet_lightning

SECTIONS: dict[str, Any] = {
    "optimizer": LatentModule,
    "mixture_start": MixtureStart,
    "collapse": CollapseWatch,
    "checkpoint": RunCheckpoint,
    "trainer": lightning.Trainer,
}
"""Sections of the configuration whose keys are arguments of one constructor."""


def train_images(config: Mapping[str, Any], data: ImageData, objective: Objective) -> LatentModel:
    """Train a model on images and leave it in ``<output>/model``.

    Args:
        config: plain, resolved configuration (see configs/image.yaml).
        data: the images.
        objective: what is maximised.

    Returns:
        The trained model in evaluation mode; a finished run that is resumed is only read.

    Raises:
        ValueError: if the output already holds a run and ``resume`` is false, its checkpoint
            cannot be read or is of another configuration, or a section has an unknown key.
        FloatingPointError: if the loss is not finite; the last checkpoint is kept.
        CollapseError: if a site carries nothing.
        KeyboardInterrupt: after Ctrl-C or SIGTERM; a log line says how to go on.
    """
    output = Path(config["output"])
    folder = output / "model"
    for section, target in SECTIONS.items():
        if config[section] is not None:
            check_keys(section, config[section], target)
    checkpoint = last_checkpoint(output, folder, config["resume"])
    if folder.exists() and checkpoint is not None:
        return load_model(folder)
    lightning.seed_everything(config["seed"], verbose=False)
    model: LatentModel = instantiate(config["model"])
    if checkpoint is None:
        model.fit_statistics(data.sample_batches())
    module = LatentModule(
        model, objective, seed=config["seed"], draws=config["draws"], **config["optimizer"]
    )
    callbacks: list[lightning.Callback] = [
        RunCheckpoint(output / "checkpoints" / "last.ckpt", **config["checkpoint"]),
        ProgressBar(refresh_rate=50),
    ]
    if config["mixture_start"] is not None:
        callbacks.insert(0, MixtureStart(**config["mixture_start"], seed=config["seed"]))
    if config["collapse"] is not None:
        callbacks.insert(0, CollapseWatch(**config["collapse"]))
    with quiet_lightning():
        trainer = make_trainer(config["trainer"], callbacks, output)
        fit(trainer, module, data, checkpoint)
    model = module.model.cpu().eval().requires_grad_(False)
    if trainer.is_global_zero:
        save_model(folder, config["model"], model, {"experiment": config["name"]})
    trainer.strategy.barrier()
    return model


def takes(target: Any, argument: str) -> bool:
    """Whether a constructor has an argument of that name."""
    return argument in inspect.signature(target).parameters


@torch.no_grad()
def encode(model: LatentModel, data: Any) -> dict[str, torch.Tensor]:
    """Codes of every site over batches, site -> (items, *steps[, quantizers]) int64.

    Raises:
        ValueError: if no site has codes.
    """
    found: dict[str, list[torch.Tensor]] = {}
    for batch in data:
        for name, output in model(batch, mode="mean").sites.items():
            if output.codes is not None:
                found.setdefault(name, []).append(output.codes)
    if not found:
        raise ValueError(
            f"expected a site with codes, got {sorted(model.sites)} without; choose latent=vq"
        )
    return {name: torch.cat(parts) for name, parts in found.items()}
