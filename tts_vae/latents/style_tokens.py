"""Global style tokens: Wang et al. 2018 (arXiv 1803.09017), the deterministic cousin of GMVAE.

A reference embedding attends over a bank of learned tokens; the style is the attended mix. There is
no posterior, prior or KL; :meth:`StyleTokenLatent.sample` draws random convex weights.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from tts_vae.latents.contract import Latent
from tts_vae.latents.sampling import check_temperature


class StyleTokenLatent(Latent):
    """Multi-head attention of the features over a bank of tokens.

    Args:
        feature_width: width of the encoder features (the query).
        width: width of z; divisible by ``heads``.
        tokens: size of the bank (paper: 10).
        heads: attention heads (paper: 4 to 8).

    Shapes: features (batch, *steps, feature_width) -> z (*samples, batch, *steps, width).
    ``component(k)`` is the z of all attention on token k.

    Raises:
        ValueError: if ``tokens`` or ``heads`` is below 1, or ``heads`` does not divide ``width``.
    """

    def __init__(self, feature_width: int, width: int, tokens: int = 10, heads: int = 4) -> None:
        super().__init__(feature_width, width)
        if tokens < 1 or heads < 1 or width % heads:
            raise ValueError(
                f"need tokens >= 1 and heads that divide width, got tokens={tokens}, "
                f"heads={heads}, width={width}"
            )
        self.components = tokens
        self.heads = heads
        self.tokens = nn.Parameter(0.5 * torch.randn(tokens, width))  # as the paper initialises
        self.query = nn.Linear(feature_width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)

    def posterior(
        self, features: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Distribution | None:
        """Return None: the style is a point."""
        self._no_condition(condition)
        return None

    def prior(
        self,
        batch_shape: Sequence[int],
        condition: Tensor | None = None,
        context: Tensor | None = None,
    ) -> Distribution | None:
        """Return None: the mix has no density."""
        self._no_condition(condition)
        return None

    def attention(self, features: Tensor) -> Tensor:
        """Return the attention (batch, *steps, heads, tokens) of the features."""
        head_width = self.width // self.heads
        query = self.query(features).unflatten(-1, (self.heads, head_width))
        key = self.key(torch.tanh(self.tokens)).unflatten(-1, (self.heads, head_width))
        scores = torch.einsum("...hd,khd->...hk", query, key) / math.sqrt(head_width)
        return torch.softmax(scores, dim=-1)

    def mix(self, weights: Tensor) -> Tensor:
        """Return z (..., width) for attention ``weights`` (..., heads, tokens)."""
        value = self.value(torch.tanh(self.tokens)).unflatten(-1, (self.heads, -1))
        return torch.einsum("...hk,khd->...hd", weights, value).flatten(-2)

    def point(self, features: Tensor, posterior: Distribution | None) -> Tensor:
        """Return the attended style (batch, *steps, width)."""
        return self.mix(self.attention(features))

    def sample(
        self,
        sample_shape: Sequence[int],
        condition: Tensor | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        context: Tensor | None = None,
    ) -> Tensor:
        """Mix the tokens with random convex weights, the same for all heads.

        Weights are E_k^temperature / sum_j E_j^temperature with E ~ Exp(1): uniform on the simplex
        (Dirichlet of ones) at temperature 1, all equal at 0.
        """
        check_temperature(temperature)
        self._no_condition(condition)
        device = self.tokens.device if generator is None else generator.device
        drawn = torch.empty(
            *sample_shape, self.components, dtype=self.tokens.dtype, device=device
        ).exponential_(generator=generator)
        weights = torch.softmax(temperature * drawn.to(self.tokens.device).log(), dim=-1)
        return self.mix(weights.unsqueeze(-2).expand(*weights.shape[:-1], self.heads, -1))

    def _component(self, index: int) -> Tensor:
        weights = torch.zeros(self.heads, self.components).to(self.tokens)
        weights[:, index] = 1.0
        return self.mix(weights)
