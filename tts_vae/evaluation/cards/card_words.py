"""What a change of speech sounds like, in a phonetician's words and units.

Changes of different kinds are compared in audible steps: about the least that a listener notices
between two sentences. 5 % of tempo (Quene 2007, J. Phonetics 35), 1.5 semitones of pitch movement
('t Hart 1981, JASA 69), 3 dB of speech-to-noise ratio (McShefferty et al. 2015, Trends in Hearing);
1 semitone of pitch level and 1.5 dB of loudness weigh against tempo as
:class:`tts_vae.evaluation.measures.acoustics.Change` does, and 1 dB per octave of
tilt is 6 dB at both ends of the band.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Quality:
    """One way in which speech can change.

    Attributes:
        title: of a column or a bar.
        unit: of a change.
        step: a change of one audible step.
        more: the word for a positive change.
        less: the word for a negative one.
    """

    title: str
    unit: str
    step: float
    more: str
    less: str


QUALITIES: Mapping[str, Quality] = MappingProxyType(
    {
        "pitch_st": Quality("pitch", "st", 1.0, "higher", "lower"),
        "pitch_range_st": Quality("range", "st", 1.5, "wider in range", "narrower in range"),
        "rate_percent": Quality("rate", "%", 5.0, "faster", "slower"),
        "energy_db": Quality("energy", "dB", 1.5, "louder", "softer"),
        "tilt_db": Quality("tilt", "dB/oct", 1.0, "brighter", "darker"),
        "snr_db": Quality("SNR", "dB", 3.0, "cleaner", "noisier"),
    }
)
"""Name of a change -> what it is. Bright is a flat spectral tilt, dark a steep one."""

RELIABLE = 2.0
"""Standard errors that a change must be away from zero to be named."""

_NAMED, _LEAST_SHARE = 3, 1 / 3
_SLIGHT, _MUCH = 2.0, 6.0


@dataclass(frozen=True)
class Verdict:
    """What a set of changes amounts to.

    Attributes:
        main: name of the change with the most audible steps; "" if none can be heard.
        leakage: share of the audible steps that are not of the main change, uncertain changes left
            out; NaN without a main change.
        words: "higher and slightly faster"; "" if nothing can be heard.
    """

    main: str
    leakage: float
    words: str


def audible_steps(changes: Mapping[str, float]) -> dict[str, float]:
    """Changes in audible steps, signed; those that are undefined (NaN) are left out."""
    return {
        name: changes[name] / quality.step
        for name, quality in QUALITIES.items()
        if name in changes and not math.isnan(changes[name])
    }


def judge_changes(
    changes: Mapping[str, float], errors: Mapping[str, float], graded: bool = True
) -> Verdict:
    """Name what can be heard.

    A change is heard if it is one audible step or more and ``RELIABLE`` standard errors from zero.
    Up to three are named, the largest first, and none of less than a third of the largest.

    Args:
        changes: name of :data:`QUALITIES` -> change in its unit; NaN where undefined.
        errors: its standard error; NaN where there is but one measurement, which is then believed.
        graded: whether to say "slightly" (below 2 steps) and "much" (from 6).
    """
    sure = {
        name: size
        for name, size in audible_steps(changes).items()
        if not abs(changes[name]) < RELIABLE * errors.get(name, math.nan)
    }
    heard = {name: size for name, size in sure.items() if abs(size) >= 1}
    if not heard:
        return Verdict("", math.nan, "")
    order = sorted(heard, key=lambda name: -abs(heard[name]))
    largest = abs(heard[order[0]])
    named = [name for name in order if abs(heard[name]) >= _LEAST_SHARE * largest][:_NAMED]
    return Verdict(
        main=order[0],
        leakage=1 - largest / sum(map(abs, sure.values())),
        words=_listed([_word(name, heard[name], graded) for name in named]),
    )


def shown_change(name: str, change: float, per: str = "") -> str:
    """A change with its sign and unit: "+3.1 st", "-12 %", or "+3.1 st/sd" with ``per="sd"``."""
    if math.isnan(change):
        return "-"
    quality = QUALITIES[name]
    digits = 0 if abs(change) >= 10 else 1
    text = f"{change:+.{digits}f}"
    if float(text) == 0:
        text = text[1:]
    return f"{text} {quality.unit}{'/' + per if per else ''}"


def _word(name: str, steps: float, graded: bool) -> str:
    quality = QUALITIES[name]
    word = quality.more if steps > 0 else quality.less
    if graded and abs(steps) < _SLIGHT:
        return f"slightly {word}"
    return f"much {word}" if graded and abs(steps) >= _MUCH else word


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
