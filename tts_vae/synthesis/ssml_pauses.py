"""Speech with one token made as long as asked, or silent: what breaks and ``silent`` need.

Done to the finished sentence, so that any decoder and vocoder can: silence goes into the quietest
place of a pause, or the quietest stretch of it is taken out, with short fades against clicks.
"""

from dataclasses import replace

import numpy as np

from tts_vae.synthesis.speech import Floats, Speech

FADE_S = 0.005
"""Length of a fade."""


def with_token_length(speech: Speech, token: int, seconds: float, floor: float) -> Speech:
    """The speech with a pause token that lasts ``seconds``, to the nearest frame.

    Args:
        speech: of one sentence.
        token: position of the token in ``speech.phones``.
        seconds: how long it is to be, one frame or more.
        floor: natural-log magnitude of silence.
    """
    hop, rate = speech.hop_length, speech.sample_rate
    frames = max(1, round(seconds * rate / hop))
    start = int(speech.durations[:token].sum())
    length = int(speech.durations[token])
    level = speech.mels[start : start + length].mean(axis=1)
    durations = speech.durations.copy()
    durations[token] = frames
    if frames >= length:
        place = start + (int(level.argmin()) if length else 0)
        silence = np.full((frames - length, speech.mels.shape[1]), floor, np.float32)
        before, after = speech.waveform[: place * hop], speech.waveform[place * hop :]
        between = np.zeros(len(silence) * hop, np.float32)
        if frames > length:
            before, after = _faded(before, rate, out=True), _faded(after, rate, out=False)
        waveform = np.concatenate([before, between, after])
        mels = np.concatenate([speech.mels[:place], silence, speech.mels[place:]])
    else:
        removed = length - frames
        sums = np.convolve(level, np.ones(removed), "valid")
        place = start + int(sums.argmin())
        before = _faded(speech.waveform[: place * hop], rate, out=True)
        after = _faded(speech.waveform[(place + removed) * hop :], rate, out=False)
        waveform = np.concatenate([before, after])
        mels = np.concatenate([speech.mels[:place], speech.mels[place + removed :]])
    return replace(speech, waveform=waveform, mels=mels, durations=durations)


def silenced(speech: Speech, start: int, stop: int, floor: float) -> Speech:
    """The speech with nothing to hear from token ``start`` to ``stop`` (exclusive)."""
    ends = np.concatenate([[0], np.cumsum(speech.durations)])
    first, last = int(ends[start]), int(ends[stop])
    hop, rate = speech.hop_length, speech.sample_rate
    waveform, mels = speech.waveform.copy(), speech.mels.copy()
    waveform[: first * hop] = _faded(waveform[: first * hop], rate, out=True)
    waveform[last * hop :] = _faded(waveform[last * hop :], rate, out=False)
    waveform[first * hop : last * hop] = 0.0
    mels[first:last] = floor
    return replace(speech, waveform=waveform, mels=mels)


def _faded(samples: Floats, rate: int, out: bool) -> Floats:
    """Samples that fade out at their end, or in at their beginning."""
    count = min(round(FADE_S * rate), len(samples))
    ramp = np.linspace(0.0, 1.0, count, endpoint=False, dtype=np.float32)
    faded = samples.copy()
    if out:
        faded[len(faded) - count :] *= ramp[::-1]
    else:
        faded[:count] *= ramp
    return faded
