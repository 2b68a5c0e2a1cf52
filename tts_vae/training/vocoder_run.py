"""From one resolved configuration to a trained vocoder: what `recipes/train_vocoder.py` runs."""

import logging
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch

from tts_vae.audio.mel import MelConfig
from tts_vae.models.vocoder.discriminators import Critics
from tts_vae.models.vocoder.losses import StftLoss
from tts_vae.synthesis.bundle import instantiate
from tts_vae.synthesis.vocoder_bundle import build_vocoder, load_vocoder, save_vocoder
from tts_vae.training.callbacks import ProgressBar
from tts_vae.training.checkpoints import RunCheckpoint
from tts_vae.training.loop import check_keys, final_numbers, fit, last_checkpoint, make_trainer
from tts_vae.training.origin import git_hash, validation_table
from tts_vae.training.quiet import quiet_lightning
from tts_vae.training.vocoder_data import VocoderData
from tts_vae.training.vocoder_module import VocoderModule


@dataclass(frozen=True)
class Adversarial:
    """When the critics begin and how much they count.

    Attributes:
        start_step: their first step; None leaves them out.
        adversarial_weight: of their opinion.
        feature_weight: of feature matching.
        critic_learning_rate: peak of their own.
    """

    start_step: int | None
    adversarial_weight: float
    feature_weight: float
    critic_learning_rate: float


@dataclass(frozen=True)
class Losses:
    """Weights, and the resolutions (n_fft, hop, window) of the STFT loss."""

    mel_weight: float
    stft_weight: float
    pitch_weight: float
    resolutions: list[list[int]]


@dataclass(frozen=True)
class Optimizer:
    """The vocoder's own optimiser; see :class:`VocoderModule`."""

    learning_rate: float
    warmup_steps: int
    total_steps: int
    weight_decay: float
    gradient_norm: float


SECTIONS: dict[str, Any] = {
    "optimizer": Optimizer,
    "losses": Losses,
    "adversarial": Adversarial,
    "checkpoint": RunCheckpoint,
    "trainer": lightning.Trainer,
}
"""Sections of the configuration whose keys are arguments of one constructor."""
log = logging.getLogger(__name__)


def train_vocoder(config: Mapping[str, Any], data: VocoderData, mel: MelConfig) -> Path:
    """Train a vocoder and leave it in ``<output>/vocoder``.

    Args:
        config: plain, resolved configuration (see configs/vocoder.yaml).
        data: pieces of recordings.
        mel: analysis constants.

    Returns:
        The vocoder folder.

    Raises:
        ValueError: if the output already holds a run and ``resume`` is false, its checkpoint
            cannot be read or is of another configuration, or a section has an unknown key.
        FloatingPointError: if the loss is not finite; the last checkpoint is kept.
        KeyboardInterrupt: after Ctrl-C or SIGTERM; a log line says how to go on.
    """
    output = Path(config["output"])
    folder = output / "vocoder"
    git = git_hash()  # of the code that trains, whatever is committed meanwhile
    for section, target in SECTIONS.items():
        check_keys(section, config[section], target)
    checkpoint = last_checkpoint(output, folder, config["resume"])
    lightning.seed_everything(config["seed"], verbose=False)
    model = build_vocoder(config["vocoder"], mel)
    if checkpoint is None and config["init_from"] is not None:
        model.load_state_dict(_start(config["init_from"], model))
    losses = Losses(**config["losses"])
    adversarial = Adversarial(**config["adversarial"])
    critics: Critics | None = None
    if adversarial.start_step is not None:
        critics = instantiate(config["critics"])
    module = VocoderModule(
        model,
        mel,
        critics,
        StftLoss(losses.resolutions),
        **config["optimizer"],
        mel_weight=losses.mel_weight,
        stft_weight=losses.stft_weight,
        pitch_weight=losses.pitch_weight,
        start_step=adversarial.start_step or 0,
        adversarial_weight=adversarial.adversarial_weight,
        feature_weight=adversarial.feature_weight,
        critic_learning_rate=adversarial.critic_learning_rate,
        seed=config["seed"],
    )
    callbacks: list[lightning.Callback] = [
        RunCheckpoint(output / "checkpoints" / "last.ckpt", **config["checkpoint"]),
        ProgressBar(refresh_rate=10),
    ]
    with quiet_lightning():
        trainer = make_trainer(config["trainer"], callbacks, output)
        fit(trainer, module, data, checkpoint)
        metrics = final_numbers(trainer, module, data, len(data.valid) > 0)
    if trainer.is_global_zero:
        save_vocoder(
            folder,
            model_config=config["vocoder"],
            model=model,
            mel=mel,
            card=_card(config, model, metrics, git),
            metadata={
                "corpus": config["corpus"]["name"],
                "experiment": config["name"],
                "steps": module.global_step or config["steps"],
                "seed": config["seed"],
                "git": git,
                "metrics": metrics,
            },
        )
    trainer.strategy.barrier()
    return folder


def _start(folder: str, model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weights of another vocoder of the same sizes."""
    theirs, mine = load_vocoder(folder).model.state_dict(), model.state_dict()
    other = [k for k in mine | theirs if k not in mine or k not in theirs]
    other += [k for k in mine if k in theirs and mine[k].shape != theirs[k].shape]
    if other:
        raise ValueError(
            f"init_from: {folder} is a vocoder of other sizes ({len(other)} tensors differ, first "
            f"{other[0]}); give one with the same vocoder.* settings"
        )
    return theirs


def _card(
    config: Mapping[str, Any], model: torch.nn.Module, metrics: Mapping[str, float], git: str
) -> str:
    parameters = sum(p.numel() for p in model.parameters()) / 1e6
    return (
        f"# {config['name']}\n\nA vocoder of {parameters:.1f} M parameters, trained on the "
        f"recordings of the corpus `{config['corpus']['name']}` for {config['steps']} steps, batch "
        f"{config['batch_size']} x {config['piece_frames']} frames, seed {config['seed']}, torch "
        f"{torch.__version__}, {platform.machine()}, git {git}.\n\n"
        f"{validation_table(metrics)}"
    )
