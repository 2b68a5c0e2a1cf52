"""From contestants to rows of a table: trained in turn, timed, and measured from outside."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import mean, median
from typing import Any

import torch

from tts_vae.evaluation.peers.latents.contestant import Contestant, measure
from tts_vae.evaluation.peers.latents.work import Work
from tts_vae.evaluation.peers.side_by_side import Ratio, Seconds, interleave, ratio

Build = Callable[[], Contestant]


@dataclass(frozen=True)
class Comparison:
    """Ours beside one peer.

    Attributes:
        system: what was compared.
        peer: name of the other library.
        quality: measure -> (ours, theirs), means over seeds.
        by_seed: measure -> seeds of (ours, theirs).
        ours_ms: median milliseconds of a step.
        theirs_ms: the same of the peer.
        ratio: ours / theirs.
        rounds: timed, over all seeds.
    """

    system: str
    peer: str
    quality: dict[str, tuple[float, float]]
    by_seed: dict[str, list[tuple[float, float]]]
    ours_ms: float
    theirs_ms: float
    ratio: Ratio
    rounds: int

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for a JSON file."""
        return asdict(self)

    def cells(self) -> tuple[str, ...]:
        """The cells of one row of the printed table, see COLUMNS."""
        quality = [f"{name} {ours:.4g} / {theirs:.4g}" for name, (ours, theirs) in self.found()]
        times = f"{self.ratio.value:.2f} ({self.ratio.low:.2f}-{self.ratio.high:.2f})"
        return (
            self.system,
            self.peer,
            "\n".join(quality),
            f"{self.ours_ms:.3g}",
            f"{self.theirs_ms:.3g}",
            times,
        )

    def found(self) -> list[tuple[str, tuple[float, float]]]:
        """Measures with their values."""
        return list(self.quality.items())


COLUMNS = ("system", "beside", "quality, ours / theirs", "ours ms", "theirs ms", "ratio")


def compare(
    system: str,
    lineup: Callable[[int], tuple[Work, Sequence[Contestant]]],
    steps: int,
    warm_ups: int,
    seeds: Sequence[int] = (0,),
    draws: int = 500,
    chunk: int = 50,
) -> list[Comparison]:
    """Train and time the contestants in turn, seed by seed; the first is ours.

    Args:
        system: what is compared, for the record.
        lineup: seed -> what to work on, and the contestants, ours first.
        steps: rounds of every seed.
        warm_ups: of them not timed.
        seeds: of start, data and noise.
        draws: k of importance-weighted bounds.
        chunk: draws at once.
    """
    seconds: Seconds = {}
    measured: dict[str, list[dict[str, float]]] = {}
    for seed in seeds:
        work, contestants = lineup(seed)
        by_name = {contestant.name: contestant for contestant in contestants}
        found = interleave(
            {name: each.step for name, each in by_name.items()}, work.rounds(steps), warm_ups, seed
        )
        for name, contestant in by_name.items():
            seconds.setdefault(name, []).extend(found[name])
            measured.setdefault(name, []).append(measure(contestant, work.test, draws, chunk, seed))
    ours, *peers = measured
    return [_compared(system, ours, peer, seconds, measured) for peer in peers]


def _compared(
    system: str,
    ours: str,
    peer: str,
    seconds: Seconds,
    measured: dict[str, list[dict[str, float]]],
) -> Comparison:
    by_seed = {
        name: [
            (mine[name], other[name])
            for mine, other in zip(measured[ours], measured[peer], strict=True)
        ]
        for name in measured[ours][0]
    }
    return Comparison(
        system,
        peer,
        {
            name: (mean(a for a, _ in both), mean(b for _, b in both))
            for name, both in by_seed.items()
        },
        by_seed,
        1e3 * median(seconds[ours]),
        1e3 * median(seconds[peer]),
        ratio(seconds[ours], seconds[peer]),
        len(seconds[ours]),
    )


def choose(candidates: Sequence[Build], work: Work, steps: int, seed: int = 0) -> int:
    """Return which candidate reconstructs its training split best after a short training.

    Args:
        candidates: each builds a contestant of other settings.
        work: what to train on; its test split is not looked at.
        steps: of training.
        seed: of start and noise.
    """
    if len(candidates) == 1:
        return 0
    errors = []
    for build in candidates:
        torch.manual_seed(seed)
        contestant = build()
        for batch in work.rounds(steps):
            contestant.step(batch)
        errors.append(measure(contestant, work.train)["mse"])
    return errors.index(min(errors))
