"""The eight speakers of the espeak corpus: four women and four men of our own making.

A speaker is a vocal tract (formant frequencies, heights and widths in percent of espeak-ng's), a
source (breath, voicing, tone) and a middle pitch. Flutter and roughness are off: their phase would
run on from one utterance to the next, and recordings could not be repeated.

Pitch: for a voice file with `pitch LOW HIGH` and the settings pitch and range (0 to 99), the median
F0 and the F0 spread of a sentence are, by least squares over 480 utterances (residual 0.9 st),

    median = 0.92 LOW 2**((pitch - 50) / 50) + (0.50 + 0.31 range / 50) (HIGH - LOW)   Hz
    spread = 0.25 (HIGH - LOW) range / 50                                            Hz

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
_BASE, _CONSTANT, _PER_RANGE, _SPREAD = 0.92, 0.50, 0.31, 0.25


@dataclass(frozen=True)
class Speaker:
    """One voice.

    Attributes:
        name: "f1" to "f4", "m1" to "m4".
        gender: "female" or "male".
        pitch_hz: middle pitch.
        formants: (frequency, height, width) in percent for F0 to F5.
        source: further lines of an espeak-ng variant file.
    """

    name: str
    gender: str
    pitch_hz: float
    formants: tuple[tuple[int, int, int], ...]
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
        for number, (frequency, height, width) in enumerate(self.formants):
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
        "f1",
        "female",
        190.0,
        ((105, 90, 120), (114, 85, 130), (112, 80, 120), (114, 80, 120), (112, 80, 120), (110, 80, 120)),
    ),
    Speaker(
        "f2",
        "female",
        235.0,
        ((110, 80, 130), (122, 90, 120), (124, 90, 120), (122, 95, 110), (118, 95, 110), (116, 90, 110)),
        ("tone 600 170 1200 150 3000 160 5000 90",),
    ),
    Speaker(
        "f3",
        "female",
        165.0,
        ((102, 110, 150), (108, 90, 160), (106, 65, 160), (110, 55, 170), (108, 50, 170), (106, 45, 170)),
        ("breath 0 6 6 5 5 4 3 2", "voicing 85"),
    ),
    Speaker(
        "f4",
        "female",
        210.0,
        ((108, 70, 110), (106, 100, 100), (128, 110, 100), (116, 110, 90), (124, 100, 90), (120, 95, 90)),
        ("consonants 120 120",),
    ),
    Speaker(
        "m1",
        "male",
        95.0,
        ((96, 120, 110), (93, 105, 110), (92, 90, 110), (95, 80, 110), (96, 75, 110), (96, 70, 110)),
        ("tone 400 255 1200 120 3000 70",),
    ),
    Speaker("m2", "male", 115.0, ((100, 100, 100),) * 6),
    Speaker(
        "m3",
        "male",
        140.0,
        ((103, 80, 100), (104, 95, 90), (106, 110, 85), (104, 120, 80), (106, 115, 80), (106, 110, 80)),
        ("consonants 115 120",),
    ),
    Speaker(
        "m4",
        "male",
        105.0,
        ((98, 105, 150), (101, 85, 160), (96, 70, 170), (99, 60, 180), (100, 50, 180), (100, 45, 180)),
        ("breath 0 5 5 4 4 3 2 2", "voicing 85"),
    ),
)  # fmt: skip

SPEAKERS = MappingProxyType({speaker.name: speaker for speaker in _SPEAKERS})
"""Speakers by name, in the order of their index."""


def variants() -> dict[str, str]:
    """The variant files for `espeak_library.voice_data`."""
    return {f"{VARIANT_PREFIX}{name}": speaker.definition() for name, speaker in SPEAKERS.items()}
