"""Second stage: training a prior over the codes of a trained latent, so that it can be sampled."""

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.utils.data import DataLoader

from tts_vae.data.codes import CodeBatch, CodeDataset, code_batches
from tts_vae.latents.processes import rank_and_size
from tts_vae.models.categorical_codes import without_dropout
from tts_vae.training.callbacks import ProgressBar
from tts_vae.training.checkpoints import RunCheckpoint
from tts_vae.training.loop import fit, last_checkpoint, make_trainer, valid_numbers
from tts_vae.training.optimizer import FusedAdamW
from tts_vae.training.quiet import quiet_lightning
from tts_vae.training.seeded_module import REMEDY, SeededModule, scheduled, warm_then_cosine
from tts_vae.whole_file import whole_file

VALIDATIONS = 10
"""How often a run looks at its validation split, about."""
Conditions = Mapping[str, Tensor] | Tensor | None
log = logging.getLogger(__name__)


class CodePriorModule(SeededModule):
    """Trains any prior with ``log_prob(codes, **conditions) -> (batch,)`` by maximum likelihood.

    Args:
        prior: the network, e.g. GatedPixelCNN or TokenTransformer.
        learning_rate: peak of the schedule (linear warm-up, then cosine to a twentieth).
        warmup: steps of linear warm-up.
        total_steps: step at which the cosine ends.
        weight_decay: decoupled weight decay.
        seed: seed of every step's randomness.
        condition_weight: weight of log p(condition), for a prior that has a model of it.

    Raises:
        ValueError: if the weight is not 0 and the prior has no ``joint_log_prob``.
    """

    def __init__(
        self,
        prior: nn.Module,
        learning_rate: float = 1e-3,
        warmup: int = 100,
        total_steps: int = 2000,
        weight_decay: float = 1e-2,
        seed: int = 0,
        condition_weight: float = 0.0,
    ) -> None:
        super().__init__()
        if condition_weight and not hasattr(prior, "joint_log_prob"):
            raise ValueError(
                f"condition_weight={condition_weight} needs a prior that scores its condition, "
                f"got {type(prior).__name__}; use a TokenTransformer or condition_weight=0"
            )
        self.prior = prior
        self.learning_rate = learning_rate
        self.warmup = warmup
        self.total_steps = total_steps
        self.weight_decay = weight_decay
        self.seed = seed
        self.condition_weight = condition_weight

    def training_step(self, batch: CodeBatch, batch_idx: int) -> Tensor:
        """Score one batch, in nats per real code.

        Raises:
            FloatingPointError: if the loss is not finite; the message says what to try.
        """
        count = batch.code_count
        if self.condition_weight:
            codes, condition = self.prior.joint_log_prob(batch.codes, **batch.conditions)  # type: ignore[operator]
            loss = -(codes + self.condition_weight * condition).sum() / count
        else:
            codes = self.prior.log_prob(batch.codes, **batch.conditions)  # type: ignore[operator]
            loss = -codes.sum() / count
        if not torch.isfinite(loss):
            raise FloatingPointError(f"loss is not finite at step {self.global_step}; {REMEDY}")
        nats = -codes.detach().sum() / count
        self.log("nats/code", nats, prog_bar=True, logger=False)
        self.log("train/nats_per_code", nats)
        self.log("train/loss", loss.detach())
        return loss

    def validation_step(self, batch: CodeBatch, batch_idx: int) -> None:
        """Score one batch; batches weigh as many codes as they have."""
        count = batch.code_count
        nats = -self.prior.log_prob(batch.codes, **batch.conditions).sum() / count  # type: ignore[operator]
        self.log("valid/nats_per_code", nats, prog_bar=True, batch_size=int(count), sync_dist=True)

    def configure_optimizers(self) -> Any:
        """AdamW with linear warm-up and a cosine."""
        optimizer = FusedAdamW(
            self.parameters(),
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            betas=(0.9, 0.98),
        )

        def factor(step: int) -> float:
            return warm_then_cosine(step, self.warmup, self.total_steps)

        return scheduled(optimizer, [factor])


class CodeData(lightning.LightningDataModule):
    """Codes for training and validation.

    Args:
        train: training split.
        valid: validation split, or None.
        batch_size: items in a batch (per process).
        seed: draws the order of batches.
    """

    def __init__(
        self, train: CodeDataset, valid: CodeDataset | None, batch_size: int, seed: int = 0
    ) -> None:
        super().__init__()
        self.train, self.valid = train, valid
        self.batch_size, self.seed = batch_size, seed

    def train_dataloader(self) -> DataLoader:
        """Shuffled batches, the same for the same seed and epoch."""
        return self._loader(self.train, shuffle=True)

    def val_dataloader(self) -> Any:
        """Validation batches in order of length; an empty list without a validation split."""
        return [] if self.valid is None else self._loader(self.valid, shuffle=False)

    def _loader(self, dataset: CodeDataset, shuffle: bool) -> DataLoader:
        rank, world_size = rank_and_size()
        return code_batches(
            dataset,
            self.batch_size,
            seed=self.seed,
            shuffle=shuffle,
            rank=rank,
            world_size=world_size,
        )


def train_prior(
    prior: nn.Module,
    codes: Tensor,
    conditions: Conditions = None,
    *,
    output: Path,
    resume: bool = False,
    valid_codes: Tensor | None = None,
    valid_conditions: Conditions = None,
    steps: int = 2000,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    warmup: int = 100,
    weight_decay: float = 1e-2,
    condition_weight: float = 0.0,
    seed: int = 0,
    every_s: float = 60.0,
    trainer: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Train a prior on codes in memory; its weights become ``<output>/prior.safetensors``.

    Args:
        prior: with ``log_prob(codes, **conditions) -> (batch,)``; trained in place.
        codes: (items, *steps) int64, -1 on padding.
        conditions: argument of ``log_prob`` -> (items, ...); one tensor alone is ``condition``.
        output: folder of the run.
        resume: continue a run that was stopped.
        valid_codes: validation split of codes.
        valid_conditions: and of conditions.
        steps: optimiser steps; the schedule ends there.
        batch_size: items in a batch.
        learning_rate: peak of the schedule.
        warmup: steps of linear warm-up.
        weight_decay: decoupled weight decay.
        condition_weight: weight of log p(condition), see :class:`CodePriorModule`.
        seed: of the order of batches and of every step's randomness.
        every_s: seconds between two checkpoints.
        trainer: arguments of ``lightning.Trainer`` that replace those chosen here.

    Returns:
        The prior, on the CPU and in eval mode.

    Raises:
        ValueError: if the output already holds a run and ``resume`` is false, its checkpoint
            cannot be read or is of another prior, or codes and conditions do not fit.
        FloatingPointError: if the loss is not finite; the last checkpoint is kept.
        KeyboardInterrupt: after Ctrl-C or SIGTERM; a log line says how to go on.
    """
    product = output / "prior.safetensors"
    checkpoint = last_checkpoint(output, product, resume)
    train = CodeDataset(codes, conditions)
    valid = None if valid_codes is None else CodeDataset(valid_codes, valid_conditions)
    data = CodeData(train, valid, batch_size, seed)
    module = CodePriorModule(
        prior, learning_rate, warmup, steps, weight_decay, seed, condition_weight
    )
    epoch = math.ceil(len(train) / batch_size)
    settings = {
        "accelerator": "auto",
        "devices": 1,
        "precision": "32-true",
        "max_steps": steps,
        "gradient_clip_val": 1.0,
        "log_every_n_steps": 10,
        "check_val_every_n_epoch": max(1, round(steps / VALIDATIONS / epoch)),
        "limit_val_batches": 1.0 if valid is not None else 0,
    }
    callbacks = [
        RunCheckpoint(output / "checkpoints" / "last.ckpt", every_s),
        ProgressBar(refresh_rate=10),
    ]
    # the caller's random numbers are not disturbed by ours
    with quiet_lightning(), torch.random.fork_rng():
        loop = make_trainer({**settings, **(trainer or {})}, callbacks, output)
        fit(loop, module, data, checkpoint)
        if valid is not None and loop.validate(module, data, verbose=False):
            log.info("prior at step %d: %s", loop.global_step, valid_numbers(loop))
    prior = module.prior.cpu().eval()
    if loop.is_global_zero:
        with whole_file(product) as partial:
            partial.write_bytes(save({k: v.contiguous() for k, v in prior.state_dict().items()}))
    loop.strategy.barrier()
    return prior


@torch.no_grad()
def nats_per_code(
    prior: nn.Module, codes: Tensor, conditions: Conditions = None, batch_size: int = 256
) -> float:
    """Mean of -log p over all real codes, in nats.

    Args:
        prior: trained.
        codes: (items, *steps) int64, -1 on padding.
        conditions: as in :func:`train_prior`.
        batch_size: items at once.
    """
    dataset = CodeDataset(codes, conditions)
    device = next(prior.parameters()).device
    total = 0.0
    with without_dropout(prior):
        for batch in code_batches(dataset, batch_size, shuffle=False):
            batch = batch.to(device)
            total -= float(prior.log_prob(batch.codes, **batch.conditions).sum())  # type: ignore[operator]
    return total / int(dataset.lengths.sum())
