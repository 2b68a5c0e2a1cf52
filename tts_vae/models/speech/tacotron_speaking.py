"""Tacotron 2 on its own: frame after frame until it stops, and what went wrong if it did.

Every sentence ends: by its stop token, or at a limit of frames that grows with the text. A window
keeps the attention near where it was, so that it can neither jump nor go back.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from tts_vae.models.speech.tacotron_cells import lstm_cell
from tts_vae.models.speech.tacotron_recurrence import TacotronRecurrence, Unrolled, reduced_type

LIMIT_START = 40
"""Frames any sentence may have, besides those for its tokens."""
LAST_TOKENS = 2
"""How near to the last token the attention must come: the last one is often a pause."""


@dataclass
class Spoken(Unrolled):
    """What free running made.

    Attributes:
        peaks: (batch, steps) int64, token attended to most; where none is, that of the step before.
        steps: (batch,) int64, steps until the stop, it included.
        stopped: (batch,) bool, False where the limit ended it.
    """

    peaks: Tensor
    steps: Tensor
    stopped: Tensor


def frame_limits(mask: Tensor, frames_per_token: float) -> Tensor:
    """Most frames (batch,) that sentences of ``mask`` (batch, tokens) may have."""
    return (mask.sum(1) * frames_per_token).ceil().long() + LIMIT_START


@torch.no_grad()
def free_running(
    core: TacotronRecurrence,
    memory: Tensor,
    mask: Tensor,
    limits: Tensor,
    frames_per_step: int,
    generator: torch.Generator,
    stop_threshold: float = 0.5,
    window: Sequence[int] | None = None,
) -> Spoken:
    """Speak without targets.

    Args:
        core: the recurrence.
        memory: (batch, tokens, memory_width).
        mask: (batch, tokens) bool.
        limits: (batch,) most frames.
        frames_per_step: frames a step makes.
        generator: of the prenet's dropout.
        stop_threshold: probability from which on a stop is one.
        window: how many tokens the attention may go back and ahead in a step; None for any.

    Returns:
        As many steps as the longest item has; a shorter one's further steps mean nothing.
    """
    dtype, batch = reduced_type(memory.device), len(memory)
    memory = memory.float()
    most = (limits + frames_per_step - 1) // frames_per_step
    decoder = core.decoder_lstm
    with torch.autocast(memory.device.type, enabled=False):
        scene, state, context = core.begin(memory, mask, dtype)
        hidden = memory.new_zeros(batch, core.attention_lstm.hidden_size)
        recurrent = (hidden, hidden, context)
        enter, decode = core.entrances(memory.shape[-1], batch, dtype)
        first_bias, second_bias = core.attention_lstm.summed_bias, decoder.summed_bias
        second = (memory.new_zeros(batch, decoder.hidden_size),) * 2
        keep, keep_second = core.regulariser(hidden, 1), core.regulariser(second[0], 1)
        frame = memory.new_zeros(batch, core.n_mels)
        peak = torch.zeros(batch, 1, dtype=torch.int64, device=memory.device)
        steps = torch.zeros_like(most)
        stopped = torch.zeros(batch, dtype=torch.bool, device=memory.device)
        mels, stops, alignments, peaks = [], [], [], []
        for step in range(int(most.max())):
            entered = core.prenet(frame.unsqueeze(0), generator)[0]
            gates = enter(entered, first_bias)
            allowed = None if window is None else _near(peak, mask, window)
            recurrent, state = core.attend(gates, recurrent, keep.at(0), scene, state, allowed)
            inputs = torch.cat([recurrent[0], recurrent[2], second[0]], 1)
            second = lstm_cell(decode(inputs, second_bias), *second, keep_second.at(0))
            made, stop = core.project(torch.cat([second[0], recurrent[2]], 1), frames_per_step)
            mels.append(made)
            stops.append(stop)
            alignments.append(state[0])
            highest, where = state[0].max(1, keepdim=True)
            peak = torch.where(highest > 0, where, peak)
            peaks.append(peak)
            frame = made[:, -core.n_mels :]
            running = ~stopped & (step < most)
            steps += running
            stopped |= running & (torch.sigmoid(stop) > stop_threshold)
            if not bool((~stopped & (step + 1 < most)).any()):
                break
    return Spoken(
        torch.stack(mels, 1).reshape(batch, -1, core.n_mels),
        torch.stack(stops, 1),
        torch.stack(alignments, 1),
        torch.cat(peaks, 1),
        steps,
        stopped,
    )


def _near(peak: Tensor, mask: Tensor, window: Sequence[int]) -> Tensor:
    offset = torch.arange(mask.shape[1], device=mask.device) - peak
    return (offset >= -window[0]) & (offset <= window[1])


def attended_frames(spoken: Spoken, frames_per_step: int) -> Tensor:
    """Frames (batch, tokens) int64 for which each token is attended to most."""
    _, steps, tokens = spoken.alignments.shape
    real = torch.arange(steps, device=spoken.steps.device) < spoken.steps.unsqueeze(1)
    share = F.one_hot(spoken.peaks, tokens) * real.unsqueeze(-1)
    return share.sum(1) * frames_per_step


def failures(
    spoken: Spoken, mask: Tensor, frames_per_step: int, stuck_frames: int
) -> tuple[str, ...]:
    """What went wrong with each sentence; an empty string where nothing did.

    Args:
        spoken: what free running made.
        mask: (batch, tokens) bool.
        frames_per_step: frames a step made.
        stuck_frames: so many frames at one token, the last ones excepted, are too many.
    """
    found = []
    peaks, lengths = spoken.peaks.tolist(), mask.sum(1).tolist()
    for peak, steps, stopped, tokens in zip(
        peaks, spoken.steps.tolist(), spoken.stopped.tolist(), lengths, strict=True
    ):
        reached, inner = max(peak[:steps]) + 1, tokens - LAST_TOKENS
        words = []
        if not stopped:
            words.append(f"no stop within {steps * frames_per_step} frames")
        if reached < inner:
            words.append(f"attention ended at token {reached} of {tokens}")
        longest = _longest_stay(peak[:steps], inner)
        if longest * frames_per_step > stuck_frames:
            words.append(f"attention stuck at one token for {longest * frames_per_step} frames")
        found.append("; ".join(words))
    return tuple(found)


def _longest_stay(peaks: list[int], inner: int) -> int:
    """Most steps in a row at one token before token ``inner``."""
    longest = stay = 0
    last = -math.inf
    for peak in peaks:
        stay = stay + 1 if peak == last else 1
        last = peak
        if peak < inner:
            longest = max(longest, stay)
    return longest
