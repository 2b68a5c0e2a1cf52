"""Real-time factor: wall seconds per second of audio, measured the same way every time."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class RealTimeFactor:
    """Speed of synthesis, batch 1, loading excluded.

    Attributes:
        rtf: median of wall seconds / audio seconds.
        wall_s: median wall seconds of one call.
        audio_s: audio seconds of one call.
        cold_s: wall seconds of the very first call.
        repeats: timed calls.
        threads: torch threads.
        characters: length of the text.
    """

    rtf: float
    wall_s: float
    audio_s: float
    cold_s: float
    repeats: int
    threads: int
    characters: int


def real_time_factor(
    synthesise: Callable[[], float],
    characters: int,
    threads: int | None = None,
    warm_ups: int = 3,
    repeats: int = 20,
    clock: Callable[[], float] = time.perf_counter,
) -> RealTimeFactor:
    """Time calls that synthesise one text; on a GPU the device is waited for.

    Args:
        synthesise: makes the audio once and returns its length in seconds.
        characters: length of the text, for the record.
        threads: torch threads while measuring; unchanged if None.
        warm_ups: untimed calls; the first of them gives ``cold_s``.
        repeats: timed calls.
        clock: seconds, monotonic.

    Raises:
        ValueError: fewer than one repeat or warm-up, or no audio came.
    """
    if repeats < 1 or warm_ups < 1:
        raise ValueError(
            f"expected at least 1 warm-up and 1 repeat, got {warm_ups} and {repeats}; "
            "metrics.md asks for 3 and 20"
        )
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        first = _timed(synthesise, clock)
        for _ in range(warm_ups - 1):
            synthesise()
        calls = [_timed(synthesise, clock) for _ in range(repeats)]
        used = torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
    if any(audio_s <= 0 for _, audio_s in calls):
        raise ValueError("expected audio of more than 0 s, got none; give a text with words")
    return RealTimeFactor(
        rtf=statistics.median(wall / audio for wall, audio in calls),
        wall_s=statistics.median(wall for wall, _ in calls),
        audio_s=statistics.median(audio for _, audio in calls),
        cold_s=first[0],
        repeats=repeats,
        threads=used,
        characters=characters,
    )


def _timed(synthesise: Callable[[], float], clock: Callable[[], float]) -> tuple[float, float]:
    start = clock()
    audio_s = synthesise()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return clock() - start, audio_s
