"""Checkpoints that are either whole or absent, and runs that go on exactly where they stopped."""

import os
import pickle
import time
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins.io import TorchCheckpointIO

from tts_vae.whole_file import whole_file

_UNREADABLE = (RuntimeError, EOFError, KeyError, ValueError, OSError, pickle.UnpicklingError)
"""What torch.load raises for half a file, an empty one, or another kind of file."""


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes to a neighbour file, flushes it to disk, then renames it over the target."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Save so that a crash or a full disk never leaves half a file under ``path``."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(target) as partial, partial.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())

    def load_checkpoint(
        self, path: Any, map_location: Any = "cpu", weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint: tensors and plain values, no code.

        Raises:
            ValueError: if the file is truncated or none of ours.
        """
        try:
            checkpoint = torch.load(path, map_location=map_location, weights_only=True)
            if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
                raise KeyError("state_dict")
        except _UNREADABLE as error:
            raise ValueError(
                f"{path} is truncated, corrupt or no checkpoint of a run "
                f"({type(error).__name__}); put a whole copy there, or delete it and start again"
            ) from error
        return checkpoint


class RunCheckpoint(Callback):
    """Keeps one checkpoint of the run and continues the order of batches from it.

    The order of batches is a function of seed, epoch and position; Lightning restores the last two
    but looks for ``set_epoch`` elsewhere than on a batch sampler, so they are handed over here.

    Args:
        path: the file; replaced every time.
        every_s: seconds between two checkpoints; one is written after the last step too.
    """

    def __init__(self, path: Path, every_s: float = 60.0) -> None:
        self.path = path
        self.every_s = every_s
        self.saved_step: int | None = None
        self.saved_at = time.monotonic()

    def on_train_start(self, trainer: lightning.Trainer, module: Any) -> None:
        """In a run that stopped within an epoch, leave out the batches it has seen."""
        self.saved_step, self.saved_at = trainer.global_step, time.monotonic()
        sampler = _sampler(trainer)
        if sampler is None:
            return
        seen = trainer.fit_loop.epoch_loop.batch_progress.current.ready
        position = seen if seen < len(sampler) else 0
        sampler.load_state_dict({"epoch": trainer.current_epoch, "position": position})

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: Any) -> None:
        """Tell the sampler which epoch it draws."""
        sampler = _sampler(trainer)
        if sampler is not None:
            sampler.set_epoch(trainer.current_epoch)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save if it is time, unless the epoch ends here, which comes next."""
        if not trainer.is_last_batch:
            self._save_if_due(trainer)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: Any) -> None:
        """Save if it is time and the epoch was validated.

        Lightning does not resume at the end of another epoch: it would take one batch more. The
        next batch then saves; where an epoch is one batch there is no such next one.
        """
        every = trainer.check_val_every_n_epoch or 1
        validated = (trainer.current_epoch + 1) % every == 0
        if validated or trainer.num_training_batches == 1 or _finished(trainer):
            self._save_if_due(trainer)

    def _save_if_due(self, trainer: lightning.Trainer) -> None:
        due = _finished(trainer) or time.monotonic() - self.saved_at >= self.every_s
        # the clock of the first process decides: all of them take part in saving
        if trainer.strategy.broadcast(due) and self.saved_step != trainer.global_step:
            trainer.save_checkpoint(self.path)
            self.saved_step, self.saved_at = trainer.global_step, time.monotonic()


def _finished(trainer: lightning.Trainer) -> bool:
    return trainer.global_step >= trainer.max_steps


def _sampler(trainer: lightning.Trainer) -> Any:
    """What orders the training batches, if it can be told its epoch, else None."""
    loader: Any = trainer.train_dataloader
    sampler = getattr(loader, "batch_sampler", loader)
    return sampler if hasattr(sampler, "set_epoch") else None
