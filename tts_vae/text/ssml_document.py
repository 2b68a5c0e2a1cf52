"""What SSML says, as plain data: sentences of pieces and breaks, prosody in physical units.

Nothing here knows a voice: what is relative stays relative until a voice tells its usual pitch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from .ssml_xml import Place

SILENT_DB = -math.inf
"""Volume of ``silent``: minus infinity dB, as SSML 1.1 says."""


@dataclass(frozen=True)
class Pitch:
    """A pitch level as a function of the usual one: ``factor * usual_hz + offset_hz``.

    Closed under everything SSML can say: an absolute pitch has factor 0, semitones and percentages
    multiply both numbers, relative Hz add to the offset.
    """

    factor: float = 1.0
    offset_hz: float = 0.0

    @property
    def needs_level(self) -> bool:
        """Whether the shift in semitones depends on the voice's usual pitch."""
        return self.offset_hz != 0.0

    def shift_st(self, usual_hz: float) -> float:
        """Semitones from the usual pitch; minus infinity where nothing above 0 Hz is left."""
        ratio = self.factor + (self.offset_hz / usual_hz if self.offset_hz else 0.0)
        return 12 * math.log2(ratio) if ratio > 0 else -math.inf


@dataclass(frozen=True)
class PitchRange:
    """A pitch range: ``factor * usual_st + offset_st`` and ``offset_hz`` at the usual pitch."""

    factor: float = 1.0
    offset_st: float = 0.0
    offset_hz: float = 0.0

    @property
    def needs_level(self) -> bool:
        """Whether the factor depends on the voice's usual pitch and range."""
        return self.offset_st != 0.0 or self.offset_hz != 0.0

    def ratio(self, usual_st: float, usual_hz: float) -> float:
        """The asked range divided by the usual one, at least 0.

        A small interval of h Hz at f Hz is 12 h / (f ln 2) semitones.
        """
        added = self.offset_st + 12 * self.offset_hz / (usual_hz * math.log(2))
        return max(0.0, self.factor + (added / usual_st if added else 0.0))


@dataclass(frozen=True)
class Duration:
    """A time that a span is to take: ``seconds``; ``span`` numbers the spans of a document."""

    seconds: float
    span: int


@dataclass(frozen=True)
class Prosody:
    """How a piece is said, against the usual way of the voice.

    Attributes:
        pitch: level of the pitch.
        pitch_range: range of the pitch.
        rate: factor of the speaking rate (of the rate that ``duration`` leads to, if given).
        volume_db: gain in dB; ``SILENT_DB`` for none at all.
        duration: time that the whole span takes, or None.
    """

    pitch: Pitch = Pitch()
    pitch_range: PitchRange = PitchRange()
    rate: float = 1.0
    volume_db: float = 0.0
    duration: Duration | None = None

    def changed(self, shift_st: float, rate: float, gain_db: float) -> Prosody:
        """The same prosody moved by relative amounts."""
        factor = 2 ** (shift_st / 12)
        pitch = Pitch(self.pitch.factor * factor, self.pitch.offset_hz * factor)
        return replace(self, pitch=pitch, rate=self.rate * rate, volume_db=self.volume_db + gain_db)


@dataclass(frozen=True)
class Speaker:
    """Who speaks a span: the first of ``names`` that the voice has, or one of a gender."""

    names: tuple[str, ...]
    gender: str | None
    place: Place


@dataclass(frozen=True)
class StyleChoice:
    """A style for a span: ``way`` is name, component or reference."""

    way: str
    value: str | int
    place: Place


@dataclass(frozen=True)
class Piece:
    """A stretch of one sentence that is said in one way.

    Attributes:
        text: what is read, as written; spaces at its ends count.
        prosody: emphasis included.
        speaker: None for the speaker of the surrounding style.
        style: None for the surrounding style.
        ipa: how it sounds, in place of how the text is read; None for text.
        place: where it begins in the document.
    """

    text: str
    prosody: Prosody = Prosody()
    speaker: Speaker | None = None
    style: StyleChoice | None = None
    ipa: str | None = None
    place: Place = field(default=Place(1, 1), compare=False)


@dataclass(frozen=True)
class Break:
    """A pause of ``seconds``; 0 asks for none where the voice would make one."""

    seconds: float


@dataclass(frozen=True)
class Sentence:
    """One sentence: pieces and breaks in order, at least one piece."""

    items: tuple[Piece | Break, ...]

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The pieces alone."""
        return tuple(item for item in self.items if isinstance(item, Piece))
