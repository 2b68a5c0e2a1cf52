"""A contour wider or narrower about its own middle, so that its range changes and its level stays.

The middle is the median over time, because the level of speech is measured as the median of its F0
(the mean of a contour with one high accent lies above what is heard as the voice's height, and a
range about the mean would move the median).
"""

import torch
from torch import Tensor


def middle_of(pitch_st: Tensor, durations: Tensor, counted: Tensor) -> Tensor:
    """Median over time of the phones that count, in semitones.

    Args:
        pitch_st: (batch, phones).
        durations: (batch, phones) int64 frames; the weights.
        counted: (batch, phones) bool: the phones that have a pitch to speak of.

    Returns:
        (batch, 1): the lowest pitch at or below which a phone spends half the time that counts.
    """
    ordered, order = torch.sort(pitch_st, dim=1)
    frames = torch.gather(durations * counted, 1, order)
    below = 2 * torch.cumsum(frames, dim=1) < frames.sum(1, keepdim=True)
    place = below.long().sum(1, keepdim=True).clamp(max=pitch_st.shape[1] - 1)
    return torch.gather(ordered, 1, place)


def with_range(
    pitch_st: Tensor, factor: float | Tensor, durations: Tensor, counted: Tensor
) -> Tensor:
    """Pitch whose deviations from the middle are ``factor`` times as large.

    Args:
        pitch_st: (batch, phones).
        factor: scalar or (batch, phones); 1 leaves a phone as it is, to the last bit.
        durations: (batch, phones) int64 frames.
        counted: (batch, phones) bool: the phones that make the middle.
    """
    if not isinstance(factor, Tensor) and factor == 1.0:
        return pitch_st
    deviation = pitch_st - middle_of(pitch_st, durations, counted)
    return pitch_st + (factor - 1.0) * deviation
