"""A style: which value every latent site takes, and shifts in physical units.

Every public way to choose a style only builds this mapping; nothing else knows where it came from.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from torch import Tensor

SPEAKER = "speaker"
"""Name of the site that says who speaks; all other sites are prosody."""

PITCH_LIMIT_ST, ENERGY_LIMIT_DB, RATE_LIMIT = 36.0, 40.0, 5.0
"""Largest shift of pitch and energy either way, and largest rate; the smallest is its inverse."""


@dataclass(frozen=True)
class Style:
    """One way of speaking, made by ``voice.style(...)``; never changes once made.

    Attributes:
        values: site -> (width,) for the whole text or (phones, width) for each phone.
        pitch_st: semitones added to every phone.
        rate: speaking rate factor; 2 is twice as fast.
        energy_db: gain in dB.
        label: the recipe, in the words of ``voice.style``.

    Raises:
        ValueError: if a value has another shape or is not finite, or a control is out of range.
    """

    values: Mapping[str, Tensor]
    pitch_st: float = 0.0
    rate: float = 1.0
    energy_db: float = 0.0
    label: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Copies the values, so that nobody else holds them, and checks every number."""
        values = {}
        for site, value in self.values.items():
            if value.dim() not in (1, 2) or not bool(value.isfinite().all()):
                raise ValueError(
                    f"site {site}: expected finite numbers of shape (width,) or (phones, width), "
                    f"got shape {tuple(value.shape)}"
                )
            values[site] = value.detach().float().cpu().clone()
        object.__setattr__(self, "values", MappingProxyType(values))
        for name, limit in (("pitch_st", PITCH_LIMIT_ST), ("energy_db", ENERGY_LIMIT_DB)):
            number = float(getattr(self, name))
            if not abs(number) <= limit:
                raise ValueError(f"{name} must be within +-{limit:g}, got {number:g}")
            object.__setattr__(self, name, number)
        rate = float(self.rate)
        if not 1 / RATE_LIMIT <= rate <= RATE_LIMIT:
            raise ValueError(
                f"rate must be between {1 / RATE_LIMIT:g} and {RATE_LIMIT:g} times the usual, "
                f"got {rate:g}"
            )
        object.__setattr__(self, "rate", rate)

    def __str__(self) -> str:
        """The recipe."""
        return self.label or "style"

    def __hash__(self) -> int:
        """By identity: tensors have no other."""
        return id(self)

    def __eq__(self, other: object) -> bool:
        """Equal when every value and every control is, whatever the recipe."""
        return (
            isinstance(other, Style)
            and self.values.keys() == other.values.keys()
            and all(torch.equal(value, other.values[site]) for site, value in self.values.items())
            and (self.pitch_st, self.rate, self.energy_db)
            == (other.pitch_st, other.rate, other.energy_db)
        )

    def mix(self, other: "Style", step: float) -> "Style":
        """A style on the line from this one (step 0) to another (step 1), or beyond.

        Values, pitch and energy are interpolated linearly, the rate geometrically.

        Raises:
            ValueError: if the styles belong to different voices, or step is not finite.
        """
        self._check_same_sites(other)
        if not math.isfinite(step):
            raise ValueError(f"step must be a finite number, 0 for the first style, got {step}")
        return Style(
            {site: _lerp(value, other.values[site], step) for site, value in self.values.items()},
            pitch_st=(1 - step) * self.pitch_st + step * other.pitch_st,
            rate=self.rate ** (1 - step) * other.rate**step,
            energy_db=(1 - step) * self.energy_db + step * other.energy_db,
            label=f"({self}) -> ({other}) at {step:g}",
        )

    def with_prosody(self, other: "Style") -> "Style":
        """The speaker of this style with the prosody and the shifts of another.

        Raises:
            ValueError: if the styles belong to different voices, or their voice has no speaker.
        """
        self._check_same_sites(other)
        if SPEAKER not in self.values:
            raise ValueError(
                f"this voice has sites {sorted(self.values)} and no {SPEAKER!r} to keep; use the "
                "other style as it is, or a voice trained on several speakers"
            )
        return Style(
            {**other.values, SPEAKER: self.values[SPEAKER]},
            pitch_st=other.pitch_st,
            rate=other.rate,
            energy_db=other.energy_db,
            label=f"({self}) with the prosody of ({other})",
        )

    def _check_same_sites(self, other: "Style") -> None:
        mine = {site: value.shape[-1] for site, value in self.values.items()}
        theirs = {site: value.shape[-1] for site, value in other.values.items()}
        if mine != theirs:
            raise ValueError(
                f"these styles belong to different voices: sites and widths {mine} and {theirs}; "
                "make both with the same voice"
            )
        phones = {
            len(value)
            for value in (*self.values.values(), *other.values.values())
            if value.dim() == 2
        }
        if len(phones) > 1:
            raise ValueError(f"these styles are for texts of {sorted(phones)} phones; use one text")


def _lerp(start: Tensor, end: Tensor, step: float) -> Tensor:
    start, end = torch.broadcast_tensors(start, end)
    return torch.lerp(start, end, step)
