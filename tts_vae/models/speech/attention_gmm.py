"""GMM attention: Gaussian windows over the token index whose means only move forward."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tts_vae.models.speech.attention import Attention, State
from tts_vae.models.speech.shared_matmul import SharedMatmul

NARROWEST = 0.05
"""Least standard deviation of a component, in tokens: a narrower one falls between two tokens."""


class GaussianMixtureAttention(Attention):
    """GMMv2b of Battenberg et al. 2020 (arXiv 1910.10288, eq. 3-5 and table 1).

    Softmax weights, softplus steps and widths, and biases such that at the start every component
    steps one token and is ten tokens wide. Weights are densities at whole tokens: a row sums to
    about 1 where the mixture lies within the text.

    Args:
        width: of the query and its hidden layer.
        components: of the mixture.
        initial_step: tokens a step at the start.
        initial_scale: standard deviation in tokens at the start.
    """

    uses_keys = False
    query_bias = True

    def __init__(
        self,
        width: int = 128,
        components: int = 5,
        initial_step: float = 1.0,
        initial_scale: float = 10.0,
    ) -> None:
        super().__init__(width)
        self.components = components
        self.parameters_of = nn.Linear(width, 3 * components)
        with torch.no_grad():
            bias = self.parameters_of.bias
            bias.zero_()
            bias[components : 2 * components] = _inverse_softplus(initial_step)
            bias[2 * components :] = _inverse_softplus(initial_scale)

    def begin(self, keys: Tensor | None, mask: Tensor) -> tuple[Any, State]:
        """See :class:`Attention`; the means start one token before the text."""
        tokens = torch.arange(mask.shape[1], device=mask.device, dtype=torch.float32)
        product = SharedMatmul(self.parameters_of.weight.t(), len(mask))
        means = torch.full((len(mask), self.components), -1.0, device=mask.device)
        nothing = torch.zeros(mask.shape, device=mask.device)
        return (tokens[None, :, None], mask.float(), product), (nothing, means)

    def step(
        self, query: Tensor, scene: Any, state: State, allowed: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """See :class:`Attention`."""
        tokens, real, product = scene
        raw = product(torch.tanh(query)) + self.parameters_of.bias
        shares, steps, scales = raw.chunk(3, dim=-1)
        means = state[1] + F.softplus(steps)
        scales = F.softplus(scales) + NARROWEST
        peaks = F.softmax(shares, -1) / (math.sqrt(2 * math.pi) * scales)
        distance = (tokens - means.unsqueeze(1)) / scales.unsqueeze(1)
        weights = (torch.exp(-0.5 * distance.square()) @ peaks.unsqueeze(-1)).squeeze(-1) * real
        if allowed is not None:
            weights = weights * allowed
        return weights, (weights, means)


def _inverse_softplus(value: float) -> float:
    return value + math.log(-math.expm1(-value))
