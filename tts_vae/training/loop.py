"""The loop that every training of ours runs in: quiet, resumable, and ended in good order."""

import inspect
import logging
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from tts_vae.synthesis.processor import cpu_has_bfloat16
from tts_vae.training.checkpoints import AtomicCheckpointIO, RunCheckpoint

GIVEN = {"self", "model", "objective", "seed", "mel", "path", "callbacks", "plugins", "logger"}
"""Arguments that are not a configuration section's to give."""

log = logging.getLogger(__name__)


def last_checkpoint(output: Path, product: Path, resume: bool) -> Path | None:
    """Checkpoint to continue from, or None for a fresh run.

    Args:
        output: folder of the run.
        product: what a finished run leaves.
        resume: whether a run may be continued.

    Raises:
        ValueError: if the output already holds a run and ``resume`` is false.
    """
    path = output / "checkpoints" / "last.ckpt"
    checkpoint = path if path.exists() else None
    if (checkpoint or product.exists()) and not resume:
        raise ValueError(
            f"{output} already holds a run; continue it with resume=true or choose another output="
        )
    return checkpoint


def check_keys(section: str, values: Mapping[str, Any], target: Any) -> None:
    """Raise ValueError if a section of the configuration has a key its constructor lacks."""
    known = [name for name in inspect.signature(target).parameters if name not in GIVEN]
    for key in values:
        if key not in known:
            raise ValueError(
                f"{section} has no key {key!r}; {target.__name__} takes {', '.join(known)}"
            )


def make_trainer(
    config: Mapping[str, Any], callbacks: list[lightning.Callback], output: Path
) -> lightning.Trainer:
    """A Lightning trainer of ours.

    Args:
        config: arguments of ``lightning.Trainer``; precision "auto" is bf16 where cores have it.
        callbacks: in order.
        output: folder of the run; TensorBoard's files go below it.

    Raises:
        ValueError: if Lightning refuses the arguments.
    """
    settings = dict(config)
    if settings["precision"] == "auto":
        settings["precision"] = "bf16-mixed" if cpu_has_bfloat16() else "32-true"
    try:
        return lightning.Trainer(
            **settings,
            callbacks=callbacks,
            plugins=[AtomicCheckpointIO()],
            logger=TensorBoardLogger(output, name="", version="tensorboard"),
            max_epochs=-1,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            enable_model_summary=False,
            enable_checkpointing=False,  # RunCheckpoint does it
        )
    except (MisconfigurationException, TypeError) as error:
        raise ValueError(
            f"trainer: {error}; choose trainer=cpu, gpu or ddp and check the trainer.* overrides"
        ) from error


def fit(
    trainer: lightning.Trainer,
    module: lightning.LightningModule,
    data: lightning.LightningDataModule,
    checkpoint: Path | None,
) -> None:
    """Train; an interruption is a KeyboardInterrupt, after a line that says how to go on."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    except SystemExit as error:  # what Lightning makes of Ctrl-C and SIGTERM
        signal.signal(signal.SIGINT, handler)  # Lightning has switched it off
        saved = next(c for c in trainer.callbacks if isinstance(c, RunCheckpoint)).path  # type: ignore[attr-defined]
        log.warning(
            "training stopped at step %d; %s",
            trainer.global_step,
            f"{saved} is kept: the same command with resume=true goes on from it"
            if saved.exists()
            else "no checkpoint had been written yet, start again",
        )
        raise KeyboardInterrupt from error


def valid_numbers(trainer: lightning.Trainer) -> dict[str, float]:
    """What the last validation logged, name -> value."""
    return {
        name: round(float(value), 4)
        for name, value in trainer.callback_metrics.items()
        if name.startswith("valid/")
    }


def final_numbers(
    trainer: lightning.Trainer,
    module: lightning.LightningModule,
    data: lightning.LightningDataModule,
    validates: bool,
) -> dict[str, float]:
    """The last validation's numbers; of one made now if a run was over before its first.

    Args:
        trainer: after its fit.
        module: what was trained.
        data: what it was trained on.
        validates: whether there is anything to validate on.
    """
    if validates and not valid_numbers(trainer):
        trainer.validate(module, data, verbose=False)
    return valid_numbers(trainer)
