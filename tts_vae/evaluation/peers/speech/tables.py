"""The parts of the comparison as tables: who took part, how long, and our share of their time."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from statistics import median
from typing import Any

from rich.table import Table

from tts_vae.evaluation.peers.side_by_side import Seconds, ratio
from tts_vae.evaluation.peers.speech.lengths import Cost
from tts_vae.evaluation.peers.speech.processes import Run

Rows = dict[str, Any]


def times_table(
    title: str, seconds: Seconds, ours: Iterable[str], audio_s: Mapping[str, float] | None = None
) -> tuple[Table, Rows]:
    """Median time of everyone, and the ratio of each of ours to it.

    Args:
        title: of the table.
        seconds: contestant -> of every round.
        ours: which of them are ours.
        audio_s: seconds of audio that a round of each makes; times are then given for a second of
            audio, because not everybody makes the same.
    """
    ours, share = list(ours), audio_s or {}
    per = {name: [each / share.get(name, 1.0) for each in spent] for name, spent in seconds.items()}
    unit = "s for a second of audio" if audio_s else "ms"
    table = Table("", unit, *(f"time of {name} / theirs" for name in ours), title=title)
    rows: Rows = {}
    for name, spent in per.items():
        ratios = {mine: ratio(per[mine], spent) for mine in ours}
        middle = median(spent) if audio_s else 1e3 * median(spent)
        rows[name] = {"rtf" if audio_s else "ms": middle}
        rows[name] |= {mine: asdict(found) for mine, found in ratios.items()}
        cells = (f"{r.value:.2f} ({r.low:.2f}-{r.high:.2f})" for r in ratios.values())
        table.add_row(name, f"{middle:.4f}" if audio_s else f"{middle:.0f}", *cells)
    return table, rows


def lengths_table(costs: Iterable[Cost]) -> tuple[Table, Rows]:
    """Cost of speaking by the length of the text."""
    heads = ("characters", "ms a character", "first audio, ms", "RTF", "PER", "sentences apart")
    table, rows = Table(*heads, title="Cost by length"), {}
    for cost in costs:
        rows[str(cost.characters)] = asdict(cost)
        table.add_row(
            str(cost.characters),
            f"{cost.ms_per_character:.2f}",
            f"{cost.first_audio_ms:.0f}",
            f"{cost.rtf:.4f}",
            f"{100 * cost.per:.2f} %",
            f"{100 * cost.per_apart:.2f} %",
        )
    return table, rows


def processes_table(runs: Mapping[str, Run]) -> tuple[Table, Rows]:
    """Cold processes."""
    table = Table("", "wall, s", "CPU, s", "peak memory, MB", title="Processes from cold")
    for name, run in runs.items():
        table.add_row(name, f"{run.wall_s:.2f}", f"{run.cpu_s:.2f}", f"{run.peak_mb:.0f}")
    return table, {name: asdict(run) for name, run in runs.items()}
