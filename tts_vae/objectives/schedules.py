"""Schedules of a weight over training steps; each attains its stated ceiling at its stated step.

Published annealing formulas often do not (a logistic of the step never reaches 1): here the shape
only says how the way from ``start`` to ``end`` is travelled, and both ends are exact.
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@runtime_checkable
class Schedule(Protocol):
    """A weight as a function of the training step."""

    def __call__(self, step: int) -> float:
        """Return the weight at ``step``."""


@dataclass(frozen=True)
class Constant:
    """The same value at every step.

    Raises:
        ValueError: if the value is not finite and at least 0.
    """

    value: float = 1.0

    def __post_init__(self) -> None:
        """Check the value."""
        _check_weight("value", self.value)

    def __call__(self, step: int) -> float:
        """Return the value."""
        return self.value


@dataclass(frozen=True)
class Ramp:
    """From ``start`` up to and including ``start_step`` to ``end`` from ``end_step`` on.

    Attributes:
        start_step: last step at ``start``.
        end_step: first step at ``end``.
        start: value before.
        end: value after: the ceiling.

    Raises:
        ValueError: if the steps are negative or not increasing, or a value is negative.
    """

    start_step: int = 0
    end_step: int = 1000
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        """Check steps and values."""
        if not 0 <= self.start_step < self.end_step:
            raise ValueError(
                f"need 0 <= start_step < end_step, got {self.start_step} and {self.end_step}"
            )
        _check_weight("start", self.start)
        _check_weight("end", self.end)

    def __call__(self, step: int) -> float:
        """Return the value at ``step``; exactly ``start`` and ``end`` outside the ramp."""
        if step <= self.start_step:
            return self.start
        if step >= self.end_step:
            return self.end
        share = (step - self.start_step) / (self.end_step - self.start_step)
        return self.start + (self.end - self.start) * self.shape(share)

    def shape(self, share: float) -> float:
        """Map the share of the way in time, 0 to 1, to the share in value, 0 to 1."""
        raise NotImplementedError("use Linear, Cosine or Sigmoid")


@dataclass(frozen=True)
class Linear(Ramp):
    """A straight line."""

    def shape(self, share: float) -> float:
        """Return ``share``."""
        return share


@dataclass(frozen=True)
class Cosine(Ramp):
    """Half a cosine wave: gentle at both ends."""

    def shape(self, share: float) -> float:
        """Return (1 - cos(pi share)) / 2."""
        return 0.5 * (1.0 - math.cos(math.pi * share))


@dataclass(frozen=True)
class Sigmoid(Ramp):
    """A logistic curve, rescaled so that it starts at 0 and ends at 1 (cf. Bowman et al. 2016).

    Attributes:
        steepness: slope of the logistic; 10 keeps it near its ends for a fifth of the way.
    """

    steepness: float = 10.0

    def __post_init__(self) -> None:
        """Check steps, values and steepness."""
        super().__post_init__()
        if not 0 < self.steepness < 100:
            raise ValueError(f"steepness must lie between 0 and 100, got {self.steepness}")

    def shape(self, share: float) -> float:
        """Return the rescaled logistic of ``share``."""
        edge = math.tanh(self.steepness / 4)
        return 0.5 * (1.0 + math.tanh(self.steepness * (share - 0.5) / 2) / edge)


def _check_weight(name: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be finite and at least 0, got {value}")
