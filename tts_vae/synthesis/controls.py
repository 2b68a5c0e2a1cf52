"""The physical controls, and what each does to phones: the explicit route.

A control is one number for a whole text or one for each of its phones, in the units of a
phonetician; a decoder gets it as what it shifts: pitch contour, durations, gain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from tts_vae.text.symbols import PAUSE_LABEL, plain_phone

Control = float | Tensor
"""One number, or (phones,)."""


class OutOfRangeWarning(UserWarning):
    """More was asked of a control than a voice can do; it did what it can."""


@dataclass(frozen=True)
class ControlScale:
    """What numbers a control may take.

    Attributes:
        low: smallest.
        high: largest.
        usual: leaves the speech as it is.
        factor: whether it multiplies (1 is usual) or adds (0 is).
        unit: as it is written after the number.
    """

    low: float
    high: float
    usual: float
    factor: bool
    unit: str


CONTROLS: Mapping[str, ControlScale] = MappingProxyType(
    {
        "pitch_st": ControlScale(-36.0, 36.0, 0.0, False, "st"),
        "pitch_range": ControlScale(0.05, 5.0, 1.0, True, "x"),
        "rate": ControlScale(0.2, 5.0, 1.0, True, "x"),
        "energy_db": ControlScale(-40.0, 40.0, 0.0, False, "dB"),
        "pause": ControlScale(0.02, 50.0, 1.0, True, "x"),
    }
)
"""Name -> its scale: semitones added; factor of the pitch's deviation from the middle of its
sentence; speaking rate; dB added; length of pauses, that between two sentences included."""


def checked_control(name: str, value: Any) -> Control:
    """A control as a float, or as a float tensor (phones,) of its own.

    Raises:
        ValueError: if it has another shape or a number that is not finite or out of range.
    """
    scale = CONTROLS[name]
    if isinstance(value, int | float):  # the many: no tensor for one number
        number = float(value)
        if not scale.low <= number <= scale.high:
            raise ValueError(_out_of_range(name, scale, number))
        return number
    try:
        numbers = torch.as_tensor(value).detach().cpu().float().clone()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{name} must be a number, or one for each phone, got {value!r:.80}"
        ) from error
    if numbers.dim() == 0:
        return checked_control(name, float(numbers))
    if numbers.dim() != 1 or not len(numbers):
        raise ValueError(
            f"{name} must be a number, or one for each phone of shape (phones,), got shape "
            f"{tuple(numbers.shape)}"
        )
    slack = 1e-6 * scale.high  # a limit is itself allowed in float32
    for number in (float(numbers.min()), float(numbers.max())):  # NaN is the minimum of any
        if not scale.low - slack <= number <= scale.high + slack:
            raise ValueError(_out_of_range(name, scale, number))
    return numbers


def mixed(name: str, start: Control, end: Control, step: float) -> Control:
    """A control on the way from ``start`` (step 0) to ``end`` (step 1); factors geometrically."""
    if CONTROLS[name].factor:
        return start ** (1 - step) * end**step
    return (1 - step) * start + step * end


def joined(name: str, over: Control, own: Control) -> Control:
    """Two controls one upon the other: shifts add up, factors multiply."""
    return over * own if CONTROLS[name].factor else over + own


def same(mine: Control, theirs: Control) -> bool:
    """Whether two controls are the same number, or the same numbers."""
    if isinstance(mine, Tensor) and isinstance(theirs, Tensor):
        return torch.equal(mine, theirs)
    return not isinstance(mine, Tensor) and not isinstance(theirs, Tensor) and mine == theirs


def part(control: Control, start: int, stop: int) -> Control:
    """The control of some of the phones."""
    return control[start:stop] if isinstance(control, Tensor) else control


def is_pause(token: str) -> bool:
    """Whether a token is silence: punctuation, a breath, or what comes before the first phone."""
    return plain_phone(token) == PAUSE_LABEL


def sounding(phones: Sequence[str]) -> Tensor:
    """Which tokens are no pauses, (phones,) bool."""
    return torch.tensor([not is_pause(token) for token in phones])


def stretch_of_phones(phones: Sequence[str], pause: Control) -> Tensor:
    """Factor of the duration of each token, (phones,): that of the pauses, and 1 elsewhere."""
    asked = torch.as_tensor(pause, dtype=torch.float32).expand(len(phones))
    return torch.where(sounding(phones), torch.ones(()), asked)


def batched(name: str, controls: Sequence[Control], mask: Tensor) -> Control:
    """Controls of several sentences as one number for all, or (batch, phones) where they differ.

    Args:
        name: of the control, which says what is usual; padding takes that.
        controls: a number or (phones,) for each sentence.
        mask: (batch, phones) bool, where phones are real.
    """
    first = controls[0]
    if not isinstance(first, Tensor) and all(same(first, other) for other in controls):
        return first
    together = torch.full(mask.shape, CONTROLS[name].usual)
    for row, control in enumerate(controls):
        together[row, mask[row]] = control
    return together


def _out_of_range(name: str, scale: ControlScale, number: float) -> str:
    if not scale.factor:
        return f"{name} must be within +-{scale.high:g}, got {number:g}"
    return (
        f"{name} must be between {scale.low:g} and {scale.high:g} times the usual, got {number:g}"
    )
