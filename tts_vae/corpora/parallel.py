"""One function over many items in several processes, in order, with a progress bar."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import torch
from rich.progress import track

Item = TypeVar("Item")
Result = TypeVar("Result")


def default_workers() -> int:
    """The number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel_map(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int | None = None,
    items_per_worker: int = 150,
    description: str = "Working",
    progress: bool = True,
) -> Iterator[Result]:
    """Yields function(item) for every item, in the order of the items.

    Args:
        function: Importable by name (module level or a functools.partial of such): fresh processes
            are started, which inherit no threads.
        items: What to work on.
        workers: Processes; None takes one per core, 0 stays in this process.
        items_per_worker: Fewer items than this per process are not worth the seconds it takes to
            start one.
        description: Beside the progress bar.
        progress: Show the bar (on a terminal).
    """
    wanted = default_workers() if workers is None else workers
    wanted = min(wanted, len(items) // max(1, items_per_worker))
    if wanted <= 1:
        yield from track(
            map(function, items),
            description,
            total=len(items),
            disable=not progress,
            transient=True,
        )
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(wanted, context, initializer=_one_thread) as pool:
        results = pool.map(function, items, chunksize=8)
        try:
            yield from track(
                results, description, total=len(items), disable=not progress, transient=True
            )
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _one_thread() -> None:
    """Processes share the cores: one thread each."""
    torch.set_num_threads(1)
