"""Warnings of the library while one request is answered, as lines for its page."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PACKAGE = str(Path(__file__).parents[1])
_ONE_AT_A_TIME = threading.RLock()  # the filters of warnings belong to the process, not the thread

logger = logging.getLogger(__name__)


@contextmanager
def collected_notes() -> Iterator[list[str]]:
    """A list that fills with our own warnings; those of other packages go to the log.

    Whatever is inside the block has the process's voices for itself.
    """
    notes: list[str] = []
    with _ONE_AT_A_TIME, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield notes
        finally:
            for warning in caught:
                if warning.filename.startswith(_PACKAGE):
                    line = " ".join(str(warning.message).split())
                    if line not in notes:
                        notes.append(line)
                else:
                    logger.debug("%s: %s", warning.filename, warning.message)
