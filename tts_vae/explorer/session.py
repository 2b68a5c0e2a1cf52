"""What one browser tab holds between two requests; no other tab sees any of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tts_vae.explorer.choice import Choice, Recorded, Start

SLOTS = ("A", "B")


@dataclass
class Session:
    """State of one tab.

    Attributes:
        voice: name of the voice it uses.
        start: where the style in hand starts.
        recorded: the last recording that was given; None before.
        slots: "A" and "B" -> the style kept there.
        named: styles saved for this tab alone, name -> arguments of ``voice.style``.
        draws: seed of the next draw from the prior.
        later: component -> work whose result it shows once everything else is shown.
    """

    voice: str
    start: Start = field(default_factory=Start)
    recorded: Recorded | None = None
    slots: dict[str, Choice] = field(default_factory=dict)
    named: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    draws: int = 1
    later: dict[Any, Callable[[], Any]] = field(default_factory=dict)

    def enter(self, voice: str) -> None:
        """Turn to another voice: what belongs to the old one is forgotten."""
        self.voice, self.start, self.recorded = voice, Start(), None
        self.slots, self.named, self.draws = {}, {}, 1

    def draw(self) -> Start:
        """A draw from the prior that this tab has not seen yet."""
        seed, self.draws = self.draws, self.draws + 1
        return Start(f"draw {seed} from the prior", {"prior": seed})
