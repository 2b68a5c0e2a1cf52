"""What all our Lightning modules share: repeatable steps, checkpoints that can be trusted."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import lightning
import torch
from torch import Tensor

REMEDY = (
    "the last checkpoint is kept: resume=true with a lower optimizer.learning_rate,"
    " or trainer.precision=32-true"
)


class SeededModule(lightning.LightningModule):
    """The random state of every step is a function of seed, step and rank alone.

    So a resumed run continues exactly as an uninterrupted one. A subclass sets ``seed``.
    """

    seed: int

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Make the step's randomness a function of seed, step and rank."""
        torch.manual_seed(self.seed * 1_000_003 + self.global_step * 1009 + self.global_rank)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Never replace a good checkpoint by one that cannot be trained on.

        Raises:
            FloatingPointError: if a parameter is not finite.
        """
        bad = [n for n, p in self.named_parameters() if not torch.isfinite(p).all()]
        if bad:
            raise FloatingPointError(
                f"{len(bad)} parameters are not finite at step {self.global_step} (first: "
                f"{bad[0]}); {REMEDY}"
            )

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Check that the checkpoint is of this configuration.

        Raises:
            ValueError: naming a tensor that does not fit.
        """
        mine, theirs = self.state_dict(), checkpoint["state_dict"]
        shapes = [
            f"{name} is {_shape(theirs.get(name))} there and {_shape(mine.get(name))} here"
            for name in sorted(mine.keys() | theirs.keys())
            if _shape(theirs.get(name)) != _shape(mine.get(name))
        ]
        if shapes:
            raise ValueError(
                f"the checkpoint is of another configuration: {shapes[0]} ({len(shapes)} differ); "
                "resume with the overrides the run was started with, or choose another output="
            )


def warm_then_cosine(step: int, warmup: int, total: int) -> float:
    """Learning-rate factor: up to 1 at ``warmup``, then a cosine to a twentieth at ``total``."""
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, total - warmup)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def scheduled(
    optimizer: torch.optim.Optimizer, factors: Sequence[Callable[[int], float]]
) -> dict[str, Any]:
    """What a module gives Lightning: an optimiser and, for each group, its factor of the step."""
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, list(factors))
    return {
        "optimizer": optimizer,
        "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
    }


def _shape(tensor: Tensor | None) -> str:
    return "absent" if tensor is None else str(tuple(tensor.shape))
