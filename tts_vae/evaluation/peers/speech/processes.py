"""Whole processes: how long a command takes from nothing, and how much memory at its peak."""

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_LOOK_EVERY_S = 0.005


@dataclass(frozen=True)
class Run:
    """One command, medians over its runs.

    Attributes:
        wall_s: from start to end.
        cpu_s: of all its threads.
        peak_mb: largest resident memory of the process as Linux tells it, 10^6 bytes; else 0.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float


def run_in_turn(commands: Mapping[str, Sequence[str]], repeats: int = 5) -> dict[str, Run]:
    """Run each command once in every round; the first round fills the disk cache and is dropped.

    Raises:
        RuntimeError: if a command fails; its last line is told.
    """
    seen: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    for turn in range(repeats + 1):
        for name, command in commands.items():
            found = _run(command)
            if turn:
                seen[name].append(found)
    return {
        name: Run(*(median(column) for column in zip(*rows, strict=True)))
        for name, rows in seen.items()
    }


def _run(command: Sequence[str]) -> tuple[float, float, float]:
    start = time.perf_counter()
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=told)
        peak = 0.0
        while True:
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            peak = max(peak, _peak_mb(process.pid))
            time.sleep(_LOOK_EVERY_S)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            told.seek(0)
            lines = told.read().decode(errors="replace").strip().splitlines()
            said = lines[-1] if lines else "no message"
            raise RuntimeError(f"{' '.join(command)} failed: {said}")
    return wall, usage.ru_utime + usage.ru_stime, peak


def _peak_mb(pid: int) -> float:
    """Largest resident memory so far, 10^6 bytes; 0 where the system does not tell.

    Not ``ru_maxrss``, which begins with the memory of the process that started it.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(found[1]) * 1024 / 1e6 if found else 0.0
