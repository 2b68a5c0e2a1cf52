"""The latent route of a control: where to move z so that one attribute changes and others stay.

``tts-vae calibrate`` regresses what is heard of the training recordings on their posterior means
(ridge) and takes the shortest shift, in standard deviations of the posterior means, that changes
one predicted attribute by one unit and leaves the other predicted ones as they are. What a shift
gives when it is spoken is measured, and a monotone map undoes the difference.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tts_vae.synthesis.bundle import VoiceBundle
from tts_vae.synthesis.calibration import CALIBRATED, from_scale, shown
from tts_vae.synthesis.controls import CONTROLS, Control, OutOfRangeWarning

KEY = "directions"
"""Entry of styles.json."""


@dataclass(frozen=True)
class Direction:
    """How one attribute is reached through z; attributes on their linear scales.

    Attributes:
        step: (width,) shift of z that the regression says changes the attribute by one unit
            (semitone, decibel, octave of a factor).
        requested: (knots,) changes that can be heard, strictly increasing, 0 among them.
        amounts: (knots,) how many steps give them.
        r2: share of the attribute's variance that z explains on recordings left out.
        error: ``mae`` and ``p95`` on sentences that were not calibrated on.
    """

    step: NDArray[np.float64]
    requested: NDArray[np.float64]
    amounts: NDArray[np.float64]
    r2: float
    error: Mapping[str, float]


class Directions:
    """The directions of one voice.

    Args:
        contents: what styles.json holds under ``directions``: ``site``, and ``attributes`` (name
            -> the fields of :class:`Direction`).
        width: of the site.

    Attributes:
        site: whose value is shifted.
        attributes: name -> its direction.

    Raises:
        ValueError: if the contents are malformed.
    """

    def __init__(self, contents: Mapping[str, Any], width: int) -> None:
        try:
            self.site = str(contents["site"])
            self.attributes = {
                name: _read(name, row, width) for name, row in contents["attributes"].items()
            }
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"the directions of this voice are malformed ({error}); measure them anew with "
                "`tts-vae calibrate --voice DIR`"
            ) from error

    @classmethod
    def of(cls, bundle: VoiceBundle) -> "Directions | None":
        """The directions stored with a voice; None if there are none.

        Raises:
            ValueError: if they are malformed, or of another voice.
        """
        contents = bundle.styles.get(KEY)
        if contents is None:
            return None
        site = contents.get("site") if isinstance(contents, dict) else None
        if site not in bundle.model.sites:
            raise ValueError(
                f"the directions are of a site {site!r} and this voice has "
                f"{sorted(bundle.model.sites)}; measure them with `tts-vae calibrate --voice DIR`"
            )
        return cls(contents, bundle.model.sites[site].width)

    def limits(self, attribute: str) -> tuple[float, float]:
        """The smallest and the largest change that can be asked for, in the control's unit.

        Raises:
            ValueError: if z does not hold the attribute.
        """
        knots = self._direction(self.site, attribute).requested
        return from_scale(attribute, float(knots[0])), from_scale(attribute, float(knots[-1]))

    def shift(self, site: str, attribute: str, amount: Control, calibrated: bool = True) -> Tensor:
        """The shift of z that changes an attribute.

        Args:
            site: whose z.
            attribute: name of a control.
            amount: the change, in the unit of the control; one number or (phones,).
            calibrated: whether ``amount`` is what shall be heard, clamped to what can be (with a
                warning that states the range), or what the regression predicts.

        Returns:
            (width,), or (phones, width).

        Raises:
            ValueError: if z does not hold the attribute, or the site has no directions.
        """
        direction = self._direction(site, attribute)
        numbers = torch.as_tensor(amount, dtype=torch.float64).reshape(-1).numpy()
        scaled = np.log2(numbers) if CONTROLS[attribute].factor else numbers
        if calibrated:
            scaled = self._calibrated(attribute, direction, scaled)
        shift = torch.from_numpy(np.outer(scaled, direction.step)).float()
        return shift if isinstance(amount, Tensor) and amount.dim() else shift[0]

    def _calibrated(
        self, attribute: str, direction: Direction, scaled: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        low, high = direction.requested[0], direction.requested[-1]
        outside = scaled[(scaled < low - 1e-6) | (scaled > high + 1e-6)]
        if len(outside):
            ends = [shown(attribute, from_scale(attribute, float(x))) for x in (low, high)]
            asked = shown(attribute, from_scale(attribute, float(outside[0])))
            warnings.warn(
                f"{attribute} {asked} is out of the range of this voice's latent, {ends[0]} to "
                f"{ends[1]}: clamped (route=explicit reaches further)",
                OutOfRangeWarning,
                stacklevel=7,  # voice.style, below torch and its maker
            )
        return np.interp(scaled, direction.requested, direction.amounts)

    def _direction(self, site: str, attribute: str) -> Direction:
        if site != self.site:
            raise ValueError(f"the directions are of site {self.site!r}, got {site!r}; use that")
        if attribute not in self.attributes:
            known = ", ".join(self.attributes) or "nothing of the kind"
            raise ValueError(
                f"the latent of this voice does not hold {attribute}; it holds {known}: use "
                "route=explicit"
            )
        return self.attributes[attribute]


def _read(name: str, row: Mapping[str, Any], width: int) -> Direction:
    step, requested, amounts = (
        np.asarray(row[key], dtype=np.float64) for key in ("step", "requested", "amounts")
    )
    if name not in CALIBRATED or step.shape != (width,) or not np.isfinite(step).all():
        raise ValueError(f"{name}: expected a step of {width} finite numbers")
    if requested.shape != amounts.shape or not (np.diff(requested) > 0).all():
        raise ValueError(f"{name}: requested must increase, with an amount for each")
    if 0 not in requested or amounts[requested == 0] != 0:
        raise ValueError(f"{name}: 0 must be requested among them, and take 0")
    return Direction(step, requested, amounts, float(row["r2"]), dict(row.get("error", {})))
