"""What a listener would say of an utterance, in a phonetician's units, from the waveform alone.

The definitions are those of every control of a voice: pitch level and range, rate, energy; and
spectral tilt, which no control moves and none should. Undefined is NaN and never 0.
"""

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tts_vae.audio.files import SPEECH_TOP_DB, frame_rms, speech_level_db
from tts_vae.evaluation.listeners.slow_hearing import SlowHearing
from tts_vae.evaluation.measures.pitch import measure_f0
from tts_vae.synthesis.controls import is_pause

if TYPE_CHECKING:
    from tts_vae.evaluation.listeners.intelligibility import Judge
    from tts_vae.synthesis.speech import Speech

PAUSE_S = 0.15
"""Silence inside an utterance that lasts so long is a pause and no speech."""

TILT_HZ = (125.0, 6000.0)
"""Band over which the spectral tilt is fitted."""

_PIECE_S = 0.01


@dataclass(frozen=True)
class Attributes:
    """Measured on one utterance; NaN where undefined.

    Attributes:
        pitch_st: 12 log2(median voiced F0 / 55 Hz).
        pitch_sd_st: standard deviation of the voiced semitones.
        pitch_range_st: 90th minus 10th percentile of the voiced semitones.
        rate: phones per second of speech; pauses of ``PAUSE_S`` or more do not count as speech.
        energy_db: RMS over speech frames, dB re full scale, as if nothing had been turned down.
        tilt_db: slope of the speech's spectral density, dB per octave; 0 for white noise.
        seconds: of the whole utterance, silence included.
    """

    pitch_st: float
    pitch_sd_st: float
    pitch_range_st: float
    rate: float
    energy_db: float
    tilt_db: float
    seconds: float


NAMES = tuple(field.name for field in fields(Attributes))
"""Names of the attributes, in the order of the columns of :func:`as_table`."""


def as_table(rows: Sequence[Attributes]) -> NDArray[np.float64]:
    """Attributes of utterances as (utterances, attributes), columns as in ``NAMES``."""
    return np.array([astuple(row) for row in rows], dtype=np.float64).reshape(-1, len(NAMES))


def measure_attributes(
    waveform: NDArray[np.floating],
    sample_rate: int,
    tokens: Sequence[str],
    judge: "Judge | None" = None,
    gain_db: float = 0.0,
) -> Attributes:
    """Measure one utterance.

    Args:
        waveform: (samples,) mono.
        sample_rate: Hz.
        tokens: what is said.
        judge: aligns the tokens with the recording, which says how long was spoken; None goes by
            the level of the sound.
        gain_db: how much the waveform was amplified after it was spoken; ``Speech.gain_db``.

    Raises:
        ValueError: praat-parselmouth (extra ``evaluation``) is missing, or the judge does not know
            a token.
    """
    hearing = None if judge is None else SlowHearing(judge)
    return measured(waveform, sample_rate, tokens, hearing, gain_db)


def measure_speeches(
    speeches: Sequence["Speech"], judge: "Judge | None" = None
) -> list[Attributes]:
    """Measure utterances of a voice, each as :func:`measure_attributes` does; faster for many.

    Args:
        speeches: what a voice said, one sentence each.
        judge: see :func:`measure_attributes`.
    """
    hearing = None if judge is None else SlowHearing(judge)
    return [measured(s.waveform, s.sample_rate, s.phones, hearing, s.gain_db) for s in speeches]


def level_speech_s(waveform: NDArray[np.floating], sample_rate: int) -> float:
    """Seconds from the first sound to the last, silences of ``PAUSE_S`` or more left out.

    Silence is what lies ``SPEECH_TOP_DB`` below the loudest moment. NaN where there is no sound.
    """
    rms = frame_rms(waveform, sample_rate, _PIECE_S)
    loudest = float(np.percentile(rms, 99)) if len(rms) else 0.0
    if loudest <= 1e-6:
        return math.nan
    loud = np.flatnonzero(rms > loudest * 10 ** (-SPEECH_TOP_DB / 20))
    gaps = np.diff(loud) - 1
    pieces = loud[-1] - loud[0] + 1 - gaps[gaps * _PIECE_S >= PAUSE_S - 1e-9].sum()
    return float(pieces * _PIECE_S)


def spectral_tilt_db(waveform: NDArray[np.floating], sample_rate: int) -> float:
    """Slope of the long-term spectrum over log-frequency, dB per octave.

    The mean power spectrum of the frames that are not silent, in third-octave bands of ``TILT_HZ``
    (mean power per Hz, so white noise is flat), and a straight line through them. Bands make the
    harmonics of a voice a smooth spectrum. NaN where there is no sound.
    """
    size = 2 ** math.ceil(math.log2(0.04 * sample_rate))
    if len(waveform) < size:
        return math.nan
    samples = np.asarray(waveform, dtype=np.float64)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2]
    rms = np.sqrt(np.mean(frames**2, axis=1))
    loudest = float(np.percentile(rms, 99))
    if loudest <= 1e-6:
        return math.nan
    frames = frames[rms > loudest * 10 ** (-SPEECH_TOP_DB / 20)]
    power = np.mean(np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) ** 2, axis=0)
    low, high = TILT_HZ[0], min(TILT_HZ[1], 0.45 * sample_rate)
    centres = low * 2 ** np.arange(0, math.log2(high / low) + 1e-9, 1 / 3)
    hz = np.fft.rfftfreq(size, 1 / sample_rate)
    bands = [
        power[(hz >= centre * 2 ** (-1 / 6)) & (hz < centre * 2 ** (1 / 6))] for centre in centres
    ]
    density_db = [10 * math.log10(max(float(band.mean()), 1e-20)) for band in bands if len(band)]
    octaves = [math.log2(centre) for centre, band in zip(centres, bands, strict=True) if len(band)]
    return float(np.polyfit(octaves, density_db, 1)[0])


def aligned_speech_s(tokens: Sequence[str], durations_s: NDArray[np.float64]) -> float:
    """Seconds spoken: without the silence at both ends and without pauses of ``PAUSE_S`` or more.

    Args:
        tokens: what is said.
        durations_s: (tokens,) how long each lasts.
    """
    pause = np.array([is_pause(token) for token in tokens])
    spoken = np.flatnonzero(~pause)
    if not len(spoken):
        return math.nan
    inside = np.zeros(len(tokens), dtype=bool)
    inside[spoken[0] : spoken[-1] + 1] = True
    return float(durations_s[inside & ~(pause & (durations_s >= PAUSE_S))].sum())


def attributes_of(
    waveform: NDArray[np.floating],
    sample_rate: int,
    tokens: Sequence[str],
    speech_s: float,
    gain_db: float = 0.0,
) -> Attributes:
    """As :func:`measure_attributes`, of an utterance whose seconds of speech are known."""
    silent = math.isnan(level_speech_s(waveform, sample_rate))
    pitch = measure_f0(waveform, sample_rate)
    phones = sum(not is_pause(token) for token in tokens)
    return Attributes(
        pitch_st=pitch.level_st,
        pitch_sd_st=pitch.deviation_st,
        pitch_range_st=pitch.range_st,
        rate=math.nan if silent or not phones else phones / speech_s,
        energy_db=math.nan if silent else speech_level_db(waveform, sample_rate) - gain_db,
        tilt_db=spectral_tilt_db(waveform, sample_rate),
        seconds=len(waveform) / sample_rate,
    )


def measured(
    waveform: NDArray[np.floating],
    sample_rate: int,
    tokens: Sequence[str],
    hearing: SlowHearing | None,
    gain_db: float = 0.0,
) -> Attributes:
    """As :func:`measure_attributes`, with a judge that listens slowly where speech is fast."""
    speech_s = level_speech_s(waveform, sample_rate)
    if hearing is not None:
        phones = sum(not is_pause(token) for token in tokens)
        mels, hop_s = hearing.mels(waveform, sample_rate, phones, speech_s)
        durations_s = hearing.durations_s(tokens, mels, hop_s)
        speech_s = math.nan if durations_s is None else aligned_speech_s(tokens, durations_s)
    return attributes_of(waveform, sample_rate, tokens, speech_s, gain_db)
