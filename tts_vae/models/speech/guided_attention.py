"""What teaches an attention where to look: a diagonal, or the durations where they are known."""

import torch
from torch import Tensor, nn

from tts_vae.models.speech.upsampling import frame_to_phone

LEAST_MASS = 1e-5
"""Floor under the attention mass of the right token: its logarithm stays finite."""


class GuidedAttention(nn.Module):
    """Nats that attention far from the diagonal costs, while a model learns to align.

    W = 1 - exp(-(n/N - t/T)^2 / 2 g^2) (Tachibana et al. 2018, arXiv 1710.08969, eq. 4).

    Args:
        weight: nats of one step whose whole mass is far off.
        width: g, as a share of the utterance.
        until_step: training step at which it ends; None for never.
    """

    def __init__(
        self, weight: float = 10.0, width: float = 0.2, until_step: int | None = None
    ) -> None:
        super().__init__()
        self.weight = weight
        self.width = width
        self.until_step = until_step
        self.active = True

    def set_step(self, step: int) -> None:
        """Tell the training step."""
        self.active = self.until_step is None or step < self.until_step

    def forward(self, alignments: Tensor, token_mask: Tensor, step_mask: Tensor) -> Tensor:
        """Cost of each utterance, (batch,) nats.

        Args:
            alignments: (batch, steps, tokens).
            token_mask: (batch, tokens) bool.
            step_mask: (batch, steps) bool.
        """
        step = torch.arange(alignments.shape[1], device=alignments.device)
        token = torch.arange(alignments.shape[2], device=alignments.device)
        at = step / step_mask.sum(1, keepdim=True).clamp(min=1)
        place = token / token_mask.sum(1, keepdim=True).clamp(min=1)
        distance = at.unsqueeze(2) - place.unsqueeze(1)
        penalty = 1 - torch.exp(-distance.square() / (2 * self.width**2))
        real = step_mask.unsqueeze(2) & token_mask.unsqueeze(1)
        return self.weight * (alignments * penalty * real).sum((1, 2))


def alignment_log_likelihood(
    alignments: Tensor, durations: Tensor, frame_mask: Tensor, frames_per_step: int
) -> Tensor:
    """Log-probability (batch,) of the known alignment, nats.

    The token of every frame is a draw from the weights of the step that made the frame.

    Args:
        alignments: (batch, steps, tokens).
        durations: (batch, tokens) int64 frames, summing to the frames of each utterance.
        frame_mask: (batch, frames) bool.
        frames_per_step: frames a step makes.
    """
    frames = frame_mask.shape[1]
    token = frame_to_phone(durations, frames)
    step = torch.arange(frames, device=token.device) // frames_per_step
    rows = torch.arange(len(token), device=token.device).unsqueeze(1)
    mass = alignments[rows, step, token]
    return (torch.log(mass + LEAST_MASS) * frame_mask).sum(1)
