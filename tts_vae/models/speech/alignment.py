"""Forced alignment with a CTC recogniser: how many frames each token of a recording lasts.

The Viterbi path of CTC (torchaudio's ``forced_align``) says which steps show each token. CTC is
peaky: the path marks the middle of a phone and leaves the rest blank, so boundaries are placed
between the centres of neighbours, by one of two rules:

* ``"midway"``: halfway between the two centres;
* ``"change"``: where the mels change most, i.e. the split of the frames between the two centres
  that leaves the least squared deviation from the two sides' means.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
import torchaudio.functional
from torch import Tensor

from tts_vae.models.speech.recogniser import BLANK, STRIDE, CtcRecogniser, steps_needed

BoundaryRule = Literal["midway", "change"]


@dataclass
class ForcedAlignment:
    """Durations of a batch, and what could not be aligned.

    Attributes:
        durations: for each utterance (tokens,) int64 frames, each >= 1, summing to its frames;
            None where alignment is impossible.
        log_likelihood: for each utterance the path's natural-log probability per step, NaN
            where there is none: a very low one says that text and recording differ.
        failures: utterance id to the reason.
    """

    durations: list[Tensor | None] = field(default_factory=list)
    log_likelihood: list[float] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)


@torch.no_grad()
def forced_alignment(
    recogniser: CtcRecogniser,
    mels: Tensor,
    mel_mask: Tensor,
    labels: Sequence[Sequence[int]],
    ids: Sequence[str] | None = None,
    boundary: BoundaryRule = "change",
) -> ForcedAlignment:
    """Align each recording of a batch with its labels; the recogniser is used as it stands.

    Args:
        recogniser: in evaluation mode.
        mels: (batch, frames, n_mels) natural-log magnitude.
        mel_mask: (batch, frames) bool.
        labels: for each utterance its label indices, one a token, none ``BLANK``.
        ids: names for ``failures``; the row numbers if None.
        boundary: rule that places boundaries between the centres of two tokens.

    Returns:
        Durations; an utterance that cannot be aligned (no label, or fewer frames than labels) is
        reported in ``failures`` by its id, not raised.

    Raises:
        ValueError: ``labels`` or ``ids`` do not have one entry per row, or a label is invalid.
    """
    names = [str(row) for row in range(len(labels))] if ids is None else list(ids)
    if not len(labels) == len(names) == mels.shape[0]:
        raise ValueError(
            f"expected one label list and one id per row of mels ({mels.shape[0]}), "
            f"got {len(labels)} and {len(names)}; pass lists as long as the batch"
        )
    output = recogniser(mels, mel_mask)
    log_probs = output.log_probs.cpu()
    frames = mel_mask.sum(1).tolist()
    result = ForcedAlignment()
    for row, (name, targets) in enumerate(zip(names, labels, strict=True)):
        if any(not 0 < label < recogniser.n_labels for label in targets):
            raise ValueError(
                f"{name}: labels must lie in 1..{recogniser.n_labels - 1} (0 is the blank), got "
                f"{sorted(set(targets))}; index ctc_labels(table) with plain_phone(token)"
            )
        reason = _why_impossible(list(targets), int(frames[row]))
        if reason:
            result.failures[name] = reason
            result.durations.append(None)
            result.log_likelihood.append(float("nan"))
            continue
        steps = log_probs[row, : int(output.lengths[row])]
        centres, score = _token_centres(steps, list(targets), int(frames[row]))
        own = mels[row, : int(frames[row])].float().cpu()
        result.durations.append(_durations(centres, own, boundary))
        result.log_likelihood.append(score)
    return result


def _why_impossible(targets: list[int], frames: int) -> str:
    if not targets:
        return "no label to align"
    if frames < steps_needed(targets):
        return f"{frames} frames are too few for {len(targets)} labels"
    return ""


def _token_centres(log_probs: Tensor, targets: list[int], frames: int) -> tuple[Tensor, float]:
    """Centre of each token in frames (float64, strictly increasing), and the path's score.

    Speech too fast for one step per token is aligned on steps repeated to the frame rate.
    """
    stride = STRIDE
    if log_probs.shape[0] < steps_needed(targets):
        log_probs, stride = log_probs.repeat_interleave(STRIDE, 0)[:frames], 1
    path, scores = torchaudio.functional.forced_align(
        log_probs.unsqueeze(0).contiguous(), torch.tensor([targets]), blank=BLANK
    )
    runs, counts = torch.unique_consecutive(path[0], return_counts=True)
    ends = counts.cumsum(0)
    shown = runs != BLANK
    centres = (ends - counts / 2)[shown].double() * stride
    return centres, float(scores.mean())


def _durations(centres: Tensor, mels: Tensor, boundary: BoundaryRule) -> Tensor:
    """Frames of each token from the tokens' centres; at least 1 each, all frames used."""
    frames, tokens = mels.shape[0], len(centres)
    if boundary == "change":
        inner = [_change_point(mels, a, b) for a, b in zip(centres, centres[1:], strict=False)]
    else:
        inner = [round(float(a + b) / 2) for a, b in zip(centres, centres[1:], strict=False)]
    ends = [*inner, frames]
    for i in range(tokens):
        ends[i] = max(ends[i], ends[i - 1] + 1 if i else 1)
    for i in reversed(range(tokens - 1)):
        ends[i] = min(ends[i], ends[i + 1] - 1)
    ends[-1] = frames
    return torch.tensor([b - a for a, b in zip([0, *ends[:-1]], ends, strict=True)])


def _change_point(mels: Tensor, start: Tensor, stop: Tensor) -> int:
    """Frame at which to split the frames between two centres into two near-constant parts.

    With n frames, the squared deviation left by a split after i is least where
    i (n - i) / n |mean of the first i - mean of the rest|^2 is greatest.
    """
    first, last = int(start), int(-(-stop // 1))
    segment = mels[first:last]
    n = segment.shape[0]
    if n < 3:
        return round(float(start + stop) / 2)
    left = torch.arange(1, n, dtype=mels.dtype)
    sums = segment.cumsum(0)
    mean_left = sums[:-1] / left.unsqueeze(1)
    mean_right = (sums[-1] - sums[:-1]) / (n - left).unsqueeze(1)
    gain = left * (n - left) / n * (mean_left - mean_right).square().sum(1)
    return first + 1 + int(gain.argmax())
