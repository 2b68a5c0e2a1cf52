"""What a piece of SSML asks of a voice -> a style: speaker, prosody, controls.

Controls are asked for as they are heard: a voice that is calibrated finds the shifts that give
them. What a voice cannot reach is clamped with a warning that states the range.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tts_vae.synthesis.calibration import Calibration
from tts_vae.synthesis.controls import CONTROLS, Control, OutOfRangeWarning, joined
from tts_vae.synthesis.style import SPEAKER, Style
from tts_vae.synthesis.style_words import parse_style
from tts_vae.text.ssml_document import Piece, Prosody, Speaker, StyleChoice

if TYPE_CHECKING:
    from tts_vae.synthesis.voice import Voice

GENDERS = "genders"
"""Key of a voice's metadata: speaker -> male, female or neutral."""


@dataclass(frozen=True)
class Neutral:
    """One sentence in one style without prosody, as the decoder predicts it.

    Attributes:
        level_hz: median pitch over the time of the phones that are no pauses.
        range_st: 90th minus 10th percentile of the same, semitones.
        durations_s: (tokens,) seconds of each token.
    """

    level_hz: float
    range_st: float
    durations_s: NDArray[np.float64]


class PieceStyles:
    """Styles of the pieces of one document.

    Args:
        voice: who speaks.
        base: the style around the whole document, the usual of SSML.
        references: folder in which the recordings of ``<style reference=...>`` lie; None for a
            document that may not read any.

    Raises:
        ValueError: if ``base`` has numbers for each phone.
    """

    def __init__(self, voice: "Voice", base: Style, references: str | Path | None) -> None:
        if base.phones is not None:
            raise ValueError(
                f"SSML lays its own style along the text: got one for {base.phones} phones; give "
                "one for the whole text"
            )
        self._voice = voice
        self._base = base
        self._references = None if references is None else Path(references)
        self._calibration = Calibration.of(voice.bundle)
        self._speakers: dict[Speaker, str | None] = {}
        self._neutral: dict[tuple[Speaker | None, StyleChoice | None], Style] = {}

    def neutral(self, piece: Piece) -> Style:
        """The style of a piece without its prosody: the base with its speaker and its style.

        A style keeps the speaker of what surrounds it; controls that it was saved with come on top
        of those of the base.

        Raises:
            ValueError: if the voice has no such speaker, component, style or recording.
        """
        key = (piece.speaker, piece.style)
        if key not in self._neutral:
            self._neutral[key] = self._make_neutral(piece)
        return self._neutral[key]

    def _make_neutral(self, piece: Piece) -> Style:
        style, speaker = self._base, self._speaker(piece)
        if speaker is not None:
            own = self._voice.style(speaker=speaker).values
            if SPEAKER in own:
                style = replace(style, values={**style.values, SPEAKER: own[SPEAKER]})
        if piece.style is not None:
            chosen = self._choose(piece.style, speaker)
            kept = {s: v for s, v in style.values.items() if s == SPEAKER}
            controls: dict[str, Any] = {
                name: joined(name, style.controls[name], chosen.controls[name]) for name in CONTROLS
            }
            style = Style({**chosen.values, **kept}, label=style.label, **controls)
        return style

    def style(self, piece: Piece, neutral: Callable[[], Neutral], length_s: float | None) -> Style:
        """The style of a piece.

        Args:
            piece: of a sentence.
            neutral: renders its sentence in :meth:`neutral`; asked only where it is needed.
            length_s: neutral length of the span whose duration is given, else None.
        """
        style = self.neutral(piece)
        asked = _asked(piece.prosody, neutral, length_s)
        if all(asked[name] == CONTROLS[name].usual for name in asked):
            return style
        speaker = self._speaker(piece) or _speaker_in(self._base)
        given = self._given(speaker, asked)
        both = {
            name: joined(name, style.controls[name], control) for name, control in given.items()
        }
        return style.with_controls(**{n: _clamped(n, float(c)) for n, c in both.items()})

    def _given(self, speaker: str | None, asked: dict[str, float]) -> dict[str, Control]:
        """Controls that give what is asked for.

        The rate is not calibrated: a span twice as slow takes twice as many frames, and exactly so.
        """
        if self._calibration is None:
            return dict(asked)
        heard = {name: value for name, value in asked.items() if name != "rate"}
        given = self._calibration.controls(speaker, heard)
        usual = CONTROLS["rate"].usual
        return {**given, "rate": joined("rate", given.get("rate", usual), asked["rate"])}

    def _speaker(self, piece: Piece) -> str | None:
        if piece.speaker is None:
            return None
        if piece.speaker not in self._speakers:
            self._speakers[piece.speaker] = self._find_speaker(piece.speaker)
        return self._speakers[piece.speaker]

    def _find_speaker(self, wanted: Speaker) -> str | None:
        """The first known of the names, or the first speaker of the gender."""
        speakers = self._voice.speakers
        genders = self._voice.bundle.metadata.get(GENDERS) or {}
        known = [name for name in wanted.names if name in speakers]
        if wanted.names and not known:
            raise wanted.place.error(
                f"<voice>: unknown name {' '.join(wanted.names)[:60]!r}; this voice has "
                f"{', '.join(speakers) or 'one speaker without a name'}"
            )
        if wanted.gender is None:
            return known[0]
        fitting = [n for n in known or speakers if genders.get(n) == wanted.gender]
        if fitting:
            return fitting[0]
        what = f"no {wanted.gender} speaker" if genders else "does not know its speakers' genders"
        warnings.warn(
            f"SSML {wanted.place}: <voice gender={wanted.gender!r}> is not followed, this voice "
            f"{'has ' + what if genders else what}; choose by name: {', '.join(speakers)}",
            stacklevel=2,
        )
        return known[0] if known else None

    def _choose(self, choice: StyleChoice, speaker: str | None) -> Style:
        value: Any = choice.value
        try:
            if choice.way == "reference":
                value = self._reference(str(value))
            return self._voice.style(speaker=speaker, **{choice.way: value})
        except ValueError as error:
            raise choice.place.error(f"<style>: {error}") from error

    def _reference(self, written: str) -> Path:
        """A recording inside the folder of references, wherever links lead."""
        if self._references is None:
            raise ValueError("recordings cannot be read here; use name or component")
        folder = self._references.resolve()
        try:
            path = (folder / written).resolve()
            inside = path.is_relative_to(folder) and "://" not in written
        except (OSError, ValueError, RuntimeError):  # a name that no file can have
            inside = False
        if not inside:
            raise ValueError(
                f"the reference {written[:80]!r} is out of reach: it must lie in the folder of "
                "references (the working folder unless another is given)"
            )
        return path


def _asked(
    prosody: Prosody, neutral: Callable[[], Neutral], length_s: float | None
) -> dict[str, float]:
    """Control -> what is to be heard, against the neutral rendering."""
    pitch, spread, rate = prosody.pitch, prosody.pitch_range, prosody.rate
    needed = pitch.needs_level or spread.needs_level
    usual_hz, usual_st = (neutral().level_hz, neutral().range_st) if needed else (1.0, 1.0)
    if prosody.duration is not None and length_s is not None:
        rate *= length_s / prosody.duration.seconds
    asked = {
        "pitch_st": pitch.shift_st(usual_hz),
        "pitch_range": spread.ratio(usual_st, usual_hz),
        "rate": rate,
        "energy_db": prosody.volume_db,
    }
    if math.isinf(prosody.volume_db):
        asked["energy_db"] = 0.0  # silenced once it is spoken
    return {name: _clamped(name, value) for name, value in asked.items()}


def _clamped(name: str, value: float) -> float:
    scale = CONTROLS[name]
    if not scale.low <= value <= scale.high:
        warnings.warn(
            f"{name} {value:.3g}{scale.unit} is out of range, {scale.low:g} to "
            f"{scale.high:g}{scale.unit}: clamped",
            OutOfRangeWarning,
            stacklevel=2,
        )
    return min(max(value, scale.low), scale.high)


def _speaker_in(style: Style) -> str | None:
    """The speaker that a style's recipe names, for a calibration of each speaker."""
    try:
        return parse_style(str(style)).get("speaker")
    except ValueError:  # a mixture: no recipe
        return None
