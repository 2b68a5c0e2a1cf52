"""From what is asked for to the control that gives it: maps measured by ``tts-vae calibrate``.

A control of a decoder is not what is heard of it: a contour shifted by 6 st may be heard as 5.7,
and half a decibel softer. A calibration holds, for every speaker and attribute, a monotone
piecewise linear map from the change that is asked for (relative to the usual rendering of the same
sentence) to the control that gives it, and to small corrections of the other controls that undo
what this one does to their attributes. Factors (rate, range) are mapped in octaves, log2.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tts_vae.synthesis.bundle import VoiceBundle
from tts_vae.synthesis.controls import CONTROLS, Control, OutOfRangeWarning, joined

KEY = "calibration"
"""Entry of styles.json."""

CALIBRATED = ("pitch_st", "pitch_range", "rate", "energy_db")
"""Controls with an attribute that can be heard; a pause is as long as its frames, and exact."""

ANYBODY = "*"
"""Speaker of the map that holds for all of them: used where nobody is named."""

Floats = NDArray[np.float64]
Number = TypeVar("Number", float, Tensor)


def to_scale(name: str, value: float) -> float:
    """A control on the scale where it is linear: octaves (log2) of a factor, else the number."""
    return math.log2(value) if CONTROLS[name].factor else value


def from_scale(name: str, value: Number) -> Number:
    """What :func:`to_scale` undoes."""
    return 2**value if CONTROLS[name].factor else value


def shown(name: str, value: float) -> str:
    """A control for a message: ``+2st``, ``1.5x``."""
    scale = CONTROLS[name]
    return f"{value:.3g}{scale.unit}" if scale.factor else f"{value:+.3g}{scale.unit}"


@dataclass(frozen=True)
class ControlMap:
    """How one attribute of one speaker is reached; all numbers on the linear scales.

    Attributes:
        requested: (knots,) changes, strictly increasing, 0 among them.
        controls: control -> (knots,) what to set it to; usually the attribute's own, and small
            corrections of others. 0 at the knot 0, so that asking for nothing changes nothing.

    Raises:
        ValueError: if the knots are not of this form, or the attribute's own control falls.
    """

    requested: Floats
    controls: Mapping[str, Floats]

    def __post_init__(self) -> None:
        """Checks what a damaged file could hold."""
        knots = self.requested
        if knots.ndim != 1 or len(knots) < 2 or not (np.diff(knots) > 0).all() or 0 not in knots:
            raise ValueError("requested must be two or more increasing numbers, one of them 0")
        for name, values in self.controls.items():
            if name not in CALIBRATED or values.shape != knots.shape:
                raise ValueError(f"{name} must have one number for each of {len(knots)} knots")
            if not np.isfinite(values).all() or values[knots == 0] != 0:
                raise ValueError(f"{name} must be finite, and 0 where 0 is requested")

    def __call__(self, control: str, requested: float) -> float:
        """Where a control is to be set; beyond the last knot it stays."""
        return float(np.interp(requested, self.requested, self.controls[control]))


class Calibration:
    """The calibration of one voice.

    Args:
        contents: what styles.json holds under ``calibration``: ``speakers`` (name -> attribute ->
            ``requested`` and controls), ``error`` (attribute -> figures), and notes.

    Attributes:
        contents: the same.

    Raises:
        ValueError: if the contents are malformed.
    """

    def __init__(self, contents: Mapping[str, Any]) -> None:
        self.contents = contents
        try:
            self._maps = {
                speaker: {name: _read_map(name, row) for name, row in rows.items()}
                for speaker, rows in contents["speakers"].items()
            }
            if ANYBODY not in self._maps:
                raise ValueError(f"no map for anybody ({ANYBODY!r})")
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"the calibration of this voice is malformed ({error}); make it anew with "
                "`tts-vae calibrate --voice DIR`"
            ) from error

    @classmethod
    def of(cls, bundle: VoiceBundle) -> "Calibration | None":
        """The calibration stored with a voice; None if there is none.

        Raises:
            ValueError: if it is malformed.
        """
        contents = bundle.styles.get(KEY)
        return None if contents is None else cls(contents)

    @property
    def attributes(self) -> tuple[str, ...]:
        """Attributes that are calibrated, of those of ``CALIBRATED``."""
        return tuple(name for name in CALIBRATED if name in self._maps[ANYBODY])

    def error(self, attribute: str) -> dict[str, float]:
        """How far off a request is, on sentences that were not calibrated on.

        Returns:
            ``mae`` and ``p95``, absolute: st, dB, and for factors octaves (log2).

        Raises:
            ValueError: if the attribute is not calibrated.
        """
        self._map(attribute, None)
        return dict(self.contents.get("error", {}).get(attribute, {}))

    def limits(self, attribute: str, speaker: str | None) -> tuple[float, float]:
        """The smallest and the largest change that can be asked for, in the control's unit.

        Raises:
            ValueError: if the attribute is not calibrated.
        """
        knots = self._map(attribute, speaker).requested
        return from_scale(attribute, float(knots[0])), from_scale(attribute, float(knots[-1]))

    def control(self, attribute: str, speaker: str | None, requested: float) -> float:
        """The attribute's own control that gives a change of it.

        A request out of range is clamped, with a warning that states the range.

        Args:
            attribute: one of :attr:`attributes`.
            speaker: whose map; None, or one that is not known, for the map of all.
            requested: change, in the unit of the control.

        Raises:
            ValueError: if the attribute is not calibrated.
        """
        map_ = self._map(attribute, speaker)
        allowed = self._allowed(attribute, speaker, requested)
        return from_scale(attribute, map_(attribute, to_scale(attribute, allowed)))

    def controls(self, speaker: str | None, requested: Mapping[str, Control]) -> dict[str, Control]:
        """All controls for changes of several attributes, corrections included.

        Args:
            speaker: see :meth:`control`.
            requested: control -> change, one number or (phones,); those that are not calibrated
                are passed on as they are.
        """
        result: dict[str, Control] = dict(requested)
        moved = [name for name in self.attributes if name in requested]
        result.update({name: CONTROLS[name].usual for name in moved})
        for name in moved:
            map_ = self._map(name, speaker)
            asked = self._allowed_all(name, speaker, requested[name])
            for control in map_.controls:
                part = _each(name, control, map_, asked)
                before = result.get(control, CONTROLS[control].usual)
                result[control] = joined(control, before, part)
        return result

    def _map(self, attribute: str, speaker: str | None) -> ControlMap:
        anybody = self._maps[ANYBODY]
        if attribute not in anybody:
            raise ValueError(
                f"{attribute!r} is not calibrated for this voice; expected one of "
                f"{', '.join(anybody)}"
            )
        return self._maps.get(speaker or ANYBODY, anybody).get(attribute, anybody[attribute])

    def _allowed(self, attribute: str, speaker: str | None, requested: float) -> float:
        allowed = self._allowed_all(attribute, speaker, requested)
        assert isinstance(allowed, float)
        return allowed

    def _allowed_all(self, attribute: str, speaker: str | None, requested: Control) -> Control:
        """Requests within the limits; a warning says which were not."""
        low, high = self.limits(attribute, speaker)
        lowest, highest = (
            (float(requested.min()), float(requested.max()))
            if isinstance(requested, Tensor)
            else (requested, requested)
        )
        slack = 1e-5 * (high - low)  # of float32
        if lowest < low - slack or highest > high + slack:
            outside = lowest if lowest < low - slack else highest
            who = f"speaker {speaker}" if speaker in self._maps else "this voice"
            warnings.warn(
                f"{attribute} {shown(attribute, outside)} is out of the range of {who}, "
                f"{shown(attribute, low)} to {shown(attribute, high)}: clamped",
                OutOfRangeWarning,
                stacklevel=6,  # voice.style, below torch and its maker
            )
        if isinstance(requested, Tensor):
            return requested.clamp(low, high)
        return min(max(requested, low), high)


def _each(attribute: str, control: str, map_: ControlMap, asked: Control) -> Control:
    """The control for one number, or for each phone."""
    if not isinstance(asked, Tensor):
        return from_scale(control, map_(control, to_scale(attribute, asked)))
    numbers = [from_scale(control, map_(control, to_scale(attribute, x))) for x in asked.tolist()]
    return torch.tensor(numbers, dtype=torch.float32)


def _read_map(name: str, row: Mapping[str, Sequence[float]]) -> ControlMap:
    columns = {key: np.asarray(values, dtype=np.float64) for key, values in row.items()}
    requested = columns.pop("requested")
    if name not in CALIBRATED or name not in columns or (np.diff(columns[name]) < 0).any():
        raise ValueError(f"{name}: expected its own control, not falling")
    return ControlMap(requested, columns)
