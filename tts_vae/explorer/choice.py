"""One style as the page holds it: where it starts, how far each dimension moves, what is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from tts_vae.synthesis.controls import CONTROLS
from tts_vae.synthesis.style import SPEAKER, Style
from tts_vae.synthesis.voice import Voice


@dataclass(frozen=True)
class Start:
    """Where in the latent space a style starts.

    Attributes:
        label: for the page.
        words: the arguments of ``voice.style`` that lead there; none for the usual style.
    """

    label: str = "usual style"
    words: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recorded:
    """A recording whose style was taken.

    Attributes:
        name: of the file, without its folder.
        style: all sites inferred from it, its speaker included.
    """

    name: str
    style: Style


@dataclass(frozen=True)
class Choice:
    """One style, as the page's controls say it.

    Attributes:
        speaker: name of the voice's speaker; None for its only or first one.
        start: where the prosody starts.
        shifts: what is added to each dimension of the prosody, in the latent's own unit; () adds
            nothing.
        controls: requested physical controls; those left out are at rest.
        more: further arguments of ``voice.style`` (``route``, ``calibrated``).
        recorded: where the speaker is that of a recording, that recording.
    """

    speaker: str | None = None
    start: Start = field(default_factory=Start)
    shifts: tuple[float, ...] = ()
    controls: Mapping[str, float] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    recorded: Recorded | None = None

    def __post_init__(self) -> None:
        """Drops what is at rest, so that equal styles are equal and short to write."""
        moved = {k: float(v) for k, v in self.controls.items() if float(v) != CONTROLS[k].usual}
        object.__setattr__(self, "controls", moved)
        if not any(self.shifts):
            object.__setattr__(self, "shifts", ())
        if not moved:
            object.__setattr__(self, "more", {})

    def at_rest(self) -> "Choice":
        """The same place in the latent space with no physical control moved."""
        return replace(self, controls={})

    def words(self, voice: Voice) -> dict[str, Any]:
        """Arguments of ``voice.style`` that make this style, but for the speaker of a recording.

        A vector is written in numbers that read back as the same float32.

        Raises:
            ValueError: if the voice has no such place.
        """
        words = dict(self.start.words)
        if self.shifts:
            site = voice.prosody_site
            if site is None:
                raise ValueError("this voice has no prosody to move; use the physical controls")
            value = voice.style(speaker=self._known(), **words).values[site]
            moved = value + torch.tensor(self.shifts, dtype=torch.float32)
            words = {"vector": tuple(float(f"{number:.9g}") for number in moved.tolist())}
        speaker = {"speaker": self._known()} if self._known() is not None else {}
        return {**speaker, **words, **self.controls, **self.more}

    def style(self, voice: Voice) -> Style:
        """The style.

        Raises:
            ValueError: if the voice cannot make it.
        """
        style = voice.style(**self.words(voice))
        if self.recorded is None or SPEAKER not in style.values:
            return style
        return self.recorded.style.with_prosody(style)

    def point(self, voice: Voice) -> torch.Tensor | None:
        """Where in the prosody's latent space this style is, (width,); None without that site."""
        if voice.prosody_site is None:
            return None
        return self.style(voice).values[voice.prosody_site]

    def _known(self) -> str | None:
        return None if self.recorded is not None else self.speaker
