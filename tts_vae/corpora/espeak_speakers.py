"""The eight speakers of the espeak corpus: four women and four men of our own making.

A speaker is a vocal tract (formant frequencies, heights and widths in percent of espeak-ng's), a
source (breath, voicing, tone) and a middle pitch. Flutter and roughness are off: their phase would
run on from one utterance to the next, and recordings could not be repeated.

Pitch: for a voice file with `pitch LOW HIGH` and the settings pitch and range (0 to 99), the median
F0 and the F0 spread of a sentence are, by least squares over 480 utterances (residual 0.9 st),

    median = 0.92 LOW 2**((pitch - 50) / 50) + (0.50 + 0.31 range / 50) (HIGH - LOW)   Hz
    spread = 0.28 (HIGH - LOW) range / 50                                            Hz

in the form that espeak-ng's `SetPitch2` has. `espeak_settings` solves both for what is wanted in Hz
and semitones, so that middle and spread, drawn independently, come out independent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType

VARIANT_PREFIX = "ttsvae-"
_WIDTH = 0.5
"""HIGH - LOW as a share of the middle pitch."""
_BASE, _CONSTANT, _PER_RANGE, _SPREAD = 0.92, 0.50, 0.31, 0.28


@dataclass(frozen=True)
class Speaker:
    """One voice.

    Attributes:
        name: "f1" to "f4", "m1" to "m4".
        gender: "female" or "male".
        pitch_hz: middle pitch.
        frequencies, heights, widths: of formants 0 to 5, percent of espeak-ng's own.
        source: further lines of an espeak-ng variant file.
    """

    name: str
    gender: str
    pitch_hz: float
    frequencies: tuple[int, ...]
    heights: tuple[int, ...]
    widths: tuple[int, ...]
    source: tuple[str, ...] = ()

    @property
    def voice(self) -> str:
        """The name that `espeak_library.synthesize` takes."""
        return f"en-us+{VARIANT_PREFIX}{self.name}"

    @property
    def _low_hz(self) -> int:
        return round(self.pitch_hz * (1 - (_CONSTANT + _PER_RANGE) * _WIDTH) / _BASE)

    @property
    def _width_hz(self) -> int:
        return round(self.pitch_hz * _WIDTH)

    def definition(self) -> str:
        """The espeak-ng variant file of this speaker."""
        lines = [
            "language variant",
            f"name {VARIANT_PREFIX}{self.name}",
            f"gender {self.gender}",
            f"pitch {self._low_hz} {self._low_hz + self._width_hz}",
            "flutter 0",
            "roughness 0",
            "echo 0 0",
        ]
        formants = zip(self.frequencies, self.heights, self.widths, strict=True)
        for number, (frequency, height, width) in enumerate(formants):
            lines.append(f"formant {number} {frequency} {height} {width}")
        return "\n".join((*lines, *self.source)) + "\n"

    def espeak_settings(self, pitch_hz: float, spread_st: float) -> tuple[int, int]:
        """espeak-ng's pitch and range settings (0 to 99 each) for what is wanted.

        Args:
            pitch_hz: median F0 of a sentence.
            spread_st: standard deviation of F0 in a sentence, semitones.
        """
        spread_hz = pitch_hz * (2 ** (spread_st / 12) - 1)
        spread = min(max(round(50 * spread_hz / (_SPREAD * self._width_hz)), 0), 99)
        above = (_CONSTANT + _PER_RANGE * spread / 50) * self._width_hz
        ratio = max(pitch_hz - above, 1.0) / (_BASE * self._low_hz)
        return min(max(round(50 + 50 * math.log2(ratio)), 0), 99), spread


_SPEAKERS = (
    Speaker(
        "f1", "female", 190.0,
        frequencies=(105, 114, 112, 114, 112, 110), heights=(90, 85, 80, 80, 80, 80),
        widths=(120, 130, 120, 120, 120, 120),
    ),
    Speaker(
        "f2", "female", 235.0,
        frequencies=(110, 122, 124, 122, 118, 116), heights=(80, 90, 90, 95, 95, 90),
        widths=(130, 120, 120, 110, 110, 110),
        source=("tone 600 170 1200 150 3000 160 5000 90",),
    ),
    Speaker(
        "f3", "female", 165.0,
        frequencies=(102, 108, 106, 110, 108, 106), heights=(110, 90, 65, 55, 50, 45),
        widths=(150, 160, 160, 170, 170, 170),
        source=("breath 0 6 6 5 5 4 3 2", "voicing 85",),
    ),
    Speaker(
        "f4", "female", 210.0,
        frequencies=(108, 106, 128, 116, 124, 120), heights=(70, 100, 110, 110, 100, 95),
        widths=(110, 100, 100, 90, 90, 90),
        source=("consonants 120 120",),
    ),
    Speaker(
        "m1", "male", 95.0,
        frequencies=(96, 93, 92, 95, 96, 96), heights=(120, 105, 90, 80, 75, 70),
        widths=(110, 110, 110, 110, 110, 110),
        source=("tone 400 255 1200 120 3000 70",),
    ),
    Speaker(
        "m2", "male", 115.0,
        frequencies=(100, 100, 100, 100, 100, 100), heights=(100, 100, 100, 100, 100, 100),
        widths=(100, 100, 100, 100, 100, 100),
    ),
    Speaker(
        "m3", "male", 140.0,
        frequencies=(103, 104, 106, 104, 106, 106), heights=(80, 95, 110, 120, 115, 110),
        widths=(100, 90, 85, 80, 80, 80),
        source=("consonants 115 120",),
    ),
    Speaker(
        "m4", "male", 105.0,
        frequencies=(98, 101, 96, 99, 100, 100), heights=(105, 85, 70, 60, 50, 45),
        widths=(150, 160, 170, 180, 180, 180),
        source=("breath 0 5 5 4 4 3 2 2", "voicing 85",),
    ),
)  # fmt: skip

SPEAKERS = MappingProxyType({speaker.name: speaker for speaker in _SPEAKERS})
"""Speakers by name, in the order of their index."""


def variants() -> dict[str, str]:
    """The variant files for `espeak_library.voice_data`."""
    return {f"{VARIANT_PREFIX}{name}": speaker.definition() for name, speaker in SPEAKERS.items()}
