"""Lightning without the remarks that say nothing about a run of ours."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

IRRELEVANT = (
    # collating cached utterances takes milliseconds: processes would cost more than they save
    r".*does not have many workers.*",
    # an excerpt has fewer batches in an epoch than there are steps between two logs
    r"The number of training batches .* is smaller than the logging interval",
    # checkpoints.RunCheckpoint hands the position over, which Lightning cannot know
    r".*ended before the epoch ended and your dataloader is\s+not resumable.*",
    # trainer=cpu on a machine with a GPU is a choice
    r"GPU available but not used.*",
    # a corpus may be too small for a validation split
    r"Total length of `.*` across ranks is zero.*",
    # Lightning's own use of what torch and tensorboard deprecate
    r".*LeafSpec.*",
)
"""Warnings of Lightning, as regular expressions on their beginning, and why nobody needs them."""


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Within it Lightning logs warnings only, and none of the irrelevant ones."""
    loggers = [logging.getLogger(f"lightning.{part}") for part in ("pytorch", "fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in IRRELEVANT:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
