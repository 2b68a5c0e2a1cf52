"""A style: which value every latent site takes, and controls in physical units.

Every public way to choose a style only builds this mapping; nothing else knows where it came from.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import Tensor

from tts_vae.synthesis.controls import CONTROLS, Control, checked_control, joined, mixed, part, same

SPEAKER = "speaker"
"""Name of the site that says who speaks; all other sites are prosody."""


@dataclass(frozen=True)
class Style:
    """One way of speaking, made by ``voice.style(...)``; never changes once made.

    Every control is one number, or one for each phone of the text, (phones,).

    Attributes:
        values: site -> (width,) for the whole text or (phones, width) for each phone.
        pitch_st: semitones added.
        rate: speaking rate factor; 2 is twice as fast.
        energy_db: gain in dB.
        label: the recipe, in the words of ``voice.style``.
        pitch_range: factor of the pitch's deviation from the middle of its sentence.
        pause: factor of the length of pauses, that between two sentences included.

    Raises:
        ValueError: if a value has another shape or is not finite, a control is out of range, or
            they are for texts of different numbers of phones.
    """

    CONTROLS: ClassVar[tuple[str, ...]] = tuple(CONTROLS)

    values: Mapping[str, Tensor]
    pitch_st: Control = 0.0
    rate: Control = 1.0
    energy_db: Control = 0.0
    label: str = field(default="", compare=False)
    pitch_range: Control = 1.0
    pause: Control = 1.0

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
        for name in CONTROLS:
            object.__setattr__(self, name, checked_control(name, getattr(self, name)))
        if len(self._phones()) > 1:
            raise ValueError(
                f"a style is for one text: got numbers for {sorted(self._phones())} phones; give "
                "one for each phone of phonemize(text), or one for all"
            )

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
            and all(same(mine, other.controls[name]) for name, mine in self.controls.items())
        )

    @property
    def controls(self) -> dict[str, Control]:
        """Name -> number, or numbers (phones,), of every control."""
        return {name: getattr(self, name) for name in CONTROLS}

    @property
    def phones(self) -> int | None:
        """How many phones its text must have; None if it has no number for each phone."""
        return max(self._phones(), default=None)

    def with_controls(self, **controls: Control) -> "Style":
        """The same with some controls replaced, whatever a voice's calibration says of them.

        Raises:
            ValueError: if there is no such control, or it is out of range.
        """
        unknown = sorted(set(controls) - set(CONTROLS))
        if unknown:
            raise ValueError(f"unknown controls {unknown}; a style has {', '.join(CONTROLS)}")
        shown = ", ".join(
            f"{name}={'(one for each phone)' if isinstance(value, Tensor) else f'{value:g}'}"
            for name, value in controls.items()
        )
        changed: dict[str, Any] = {**controls, "label": f"({self}) with {shown}"}
        return replace(self, **changed) if controls else self

    def with_spans(
        self, phones: int, spans: Sequence[tuple[int, int, Mapping[str, float]]]
    ) -> "Style":
        """Controls that change within a text: upon what the style has, and upon each other.

        Args:
            phones: tokens of the whole text.
            spans: (first phone, phone after the last, controls): shifts are added to what there is
                and factors multiplied, so spans may overlap.

        Raises:
            ValueError: if a span lies outside the text, or a control is unknown or out of range.
        """
        changed: dict[str, Control] = {}
        for start, stop, controls in spans:
            if not 0 <= start <= stop <= phones:
                raise ValueError(f"a span must lie within 0 to {phones} phones, got {start}:{stop}")
            for name in controls:
                if name not in CONTROLS:
                    raise ValueError(f"unknown control {name!r}; a style has {', '.join(CONTROLS)}")
                own = changed.get(name, getattr(self, name))
                numbers = torch.as_tensor(own, dtype=torch.float32).expand(phones).clone()
                numbers[start:stop] = joined(name, numbers[start:stop], controls[name])
                changed[name] = numbers
        return self.with_controls(**changed)

    def part(self, start: int, stop: int) -> "Style":
        """The style of some of the phones of its text."""
        if self.phones is None:
            return self
        cut: dict[str, Any] = {n: part(value, start, stop) for n, value in self.controls.items()}
        values = {s: v if v.dim() == 1 else v[start:stop] for s, v in self.values.items()}
        return replace(self, values=values, **cut)

    def mix(self, other: "Style", step: float) -> "Style":
        """A style on the line from this one (step 0) to another (step 1), or beyond.

        Values, pitch and energy are interpolated linearly, the factors geometrically.

        Raises:
            ValueError: if the styles belong to different voices, or step is not finite.
        """
        self.check_same_voice(other)
        self._check_same_text(other)
        if not math.isfinite(step):
            raise ValueError(f"step must be a finite number, 0 for the first style, got {step}")
        between: dict[str, Any] = {
            name: mixed(name, start, other.controls[name], step)
            for name, start in self.controls.items()
        }
        return Style(
            {site: _lerp(value, other.values[site], step) for site, value in self.values.items()},
            label=f"({self}) -> ({other}) at {step:g}",
            **between,
        )

    def with_prosody(self, other: "Style") -> "Style":
        """The speaker of this style with the prosody and the controls of another.

        Raises:
            ValueError: if the styles belong to different voices, or their voice has no speaker.
        """
        self.check_same_voice(other)
        self._check_same_text(other)
        if SPEAKER not in self.values:
            raise ValueError(
                f"this voice has sites {sorted(self.values)} and no {SPEAKER!r} to keep; use the "
                "other style as it is, or a voice trained on several speakers"
            )
        return replace(
            other,
            values={**other.values, SPEAKER: self.values[SPEAKER]},
            label=f"({self}) with the prosody of ({other})",
        )

    def _phones(self) -> set[int]:
        """The numbers of phones for which it has numbers for each."""
        controls = {len(c) for c in self.controls.values() if isinstance(c, Tensor)}
        return controls | {len(value) for value in self.values.values() if value.dim() == 2}

    def check_same_voice(self, other: "Style") -> None:
        """Refuse a style that has other sites, or other widths of them.

        Raises:
            ValueError: if the styles belong to different voices.
        """
        mine = {site: value.shape[-1] for site, value in self.values.items()}
        theirs = {site: value.shape[-1] for site, value in other.values.items()}
        if mine != theirs:
            raise ValueError(
                f"these styles belong to different voices: sites and widths {mine} and {theirs}; "
                "make both with the same voice"
            )

    def _check_same_text(self, other: "Style") -> None:
        phones = self._phones() | other._phones()
        if len(phones) > 1:
            raise ValueError(f"these styles are for texts of {sorted(phones)} phones; use one text")


def _lerp(start: Tensor, end: Tensor, step: float) -> Tensor:
    start, end = torch.broadcast_tensors(start, end)
    return torch.lerp(start, end, step)
