"""Two or more ways of doing the same work, timed in turn in one process.

A machine is not equally fast from one second to the next. Every round therefore lets each
contestant do its step once, on the same input and from the same random state; the order is
reversed in every other round, so that none always follows the same one. Ratios are of medians over
the rounds, and their intervals come from drawing whole rounds again.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

Seconds = dict[str, list[float]]

DRIVER_SEARCH = "PYTORCH_NVML_BASED_CUDA_CHECK"
RESAMPLES = 1000
COVERAGE = 0.95


@dataclass(frozen=True)
class Ratio:
    """How much longer one takes than another; below 1 it is faster.

    Attributes:
        value: of the medians.
        low: lower end of the 95 % interval.
        high: upper end.
    """

    value: float
    low: float
    high: float


@contextmanager
def same_threads(threads: int) -> Iterator[None]:
    """Let torch, BLAS and OpenMP use this many threads each, and restore what was.

    Raises:
        ValueError: for fewer than one.
    """
    from threadpoolctl import threadpool_limits

    if threads < 1:
        raise ValueError(f"expected at least 1 thread, got {threads}; every contestant gets them")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with threadpool_limits(threads):
            yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def no_driver_search() -> Iterator[None]:
    """Undo for a while what importing Lightning does to torch in the whole process.

    With the variable that it sets, every optimiser of torch looks for NVIDIA's library on the disk
    before each step, 0.25 ms where there is none. Users of the other libraries need not pay that.
    """
    held = os.environ.pop(DRIVER_SEARCH, None)
    try:
        yield
    finally:
        if held is not None:
            os.environ[DRIVER_SEARCH] = held


@no_driver_search()
def interleave(
    steps: Mapping[str, Callable[[Any], object]],
    given: Iterable[Any],
    warm_ups: int = 0,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Seconds:
    """Let every contestant do one step in each round.

    Args:
        steps: contestant -> its step.
        given: what the steps of each round work on; there are as many rounds.
        warm_ups: first rounds that are done but not timed.
        seed: the random state before every step is a function of it and the round.
        clock: seconds, monotonic.

    Returns:
        Contestant -> seconds of its step in every timed round.

    Raises:
        ValueError: if there is no contestant, or no round is left to time.
    """
    if not steps:
        raise ValueError("expected at least one contestant, got none")
    seconds: Seconds = {name: [] for name in steps}
    names = list(steps)
    rounds = 0
    for item in given:
        for name in names if rounds % 2 == 0 else reversed(names):
            torch.manual_seed(seed * 1_000_003 + rounds)
            start = _now(clock)
            steps[name](item)
            passed = _now(clock) - start
            if rounds >= warm_ups:
                seconds[name].append(passed)
        rounds += 1
    if rounds <= warm_ups:
        raise ValueError(
            f"expected more rounds than warm-ups, got {rounds} and {warm_ups}; give more steps"
        )
    return seconds


def ratio(ours: list[float], theirs: list[float], seed: int = 0) -> Ratio:
    """Median of ours over median of theirs, with the interval that drawing rounds again gives.

    Args:
        ours: seconds of every round.
        theirs: seconds of the same rounds.
        seed: of the draws.

    Raises:
        ValueError: if the rounds are not the same, or there are none.
    """
    if len(ours) != len(theirs) or not ours:
        raise ValueError(
            f"expected seconds of the same rounds, got {len(ours)} and {len(theirs)}; "
            "time both with interleave"
        )
    pair = np.array([ours, theirs])
    rounds = np.random.default_rng(seed).integers(len(ours), size=(RESAMPLES, len(ours)))
    first, second = np.median(pair[:, rounds], axis=-1)
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(first / second, [tail, 1 - tail])
    medians = np.median(pair, axis=-1)
    return Ratio(float(medians[0] / medians[1]), float(low), float(high))


def _now(clock: Callable[[], float]) -> float:
    """Seconds, once a GPU has finished what it was given."""
    if torch.cuda.is_initialized():  # is_available would look for a driver: 0.25 ms on some
        torch.cuda.synchronize()
    return clock()
