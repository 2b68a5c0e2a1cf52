"""Several stochastic layers inferred from the bottom up: the hierarchy of Burda et al. 2016.

q(z | x) = q(z_1 | x) q(z_2 | z_1) ..., p(z) = p(z_L) ... p(z_1 | z_2) (arXiv 1509.00519, eqs 1, 2
and section 5): two Markov chains of opposite order. The decoder reads z_1 alone.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from tts_vae.latents.chain import Choose, GaussianChain, network_walk
from tts_vae.latents.conditional_normal import ConditionalNormal, fit_context
from tts_vae.latents.contract import Latent
from tts_vae.latents.hierarchy import group_widths
from tts_vae.latents.sampling import check_temperature, real_noise


class BottomUpLatent(Latent):
    """Stochastic layers z_1 to z_L with deterministic tanh layers in between.

    Args:
        feature_width: width of the encoder features.
        width: width of z, all layers together.
        layers: number of equal stochastic layers, or the width of each, z_1 first.
        hidden: widths of the tanh layers below each stochastic layer: before z_1 (on top of the
            features), between z_1 and z_2, and so on; p(z_i | z_i+1) has them in reverse. None is
            no hidden layer anywhere.
        context_width: width of a parent site's z that p(z_L | context) reads; 0 for N(0, I).
        initial_log_scale: log of every scale at the start.

    Burda et al.'s two layers are width 150, layers (100, 50), hidden ((), (100, 100)) on top of an
    encoder of 200-200 tanh units, or ((200, 200), (100, 100)) on the pixels themselves; weights
    start as Glorot & Bengio 2010, variances are exponentials.

    Shapes: features (batch, *steps, feature_width) -> z (*samples, batch, *steps, width), z_1
    first; ``decoded_width`` is the width of z_1. As the chains run in opposite directions, kl is
    the sample estimate, mean of log_q - log_p over the draws: at mode="mean" it says nothing.

    Raises:
        ValueError: if the layers do not make up the width, or hidden does not name one entry for
            each layer.
    """

    def __init__(
        self,
        feature_width: int,
        width: int,
        layers: int | Sequence[int] = 2,
        hidden: Sequence[Sequence[int]] | None = None,
        context_width: int = 0,
        initial_log_scale: float = 0.0,
    ) -> None:
        super().__init__(feature_width, width)
        self.widths = group_widths(width, layers)
        between = [tuple(each) for each in (hidden or [()] * len(self.widths))]
        if len(between) != len(self.widths) or context_width < 0:
            raise ValueError(
                f"hidden must name the layers below each of the {len(self.widths)} stochastic "
                f"layers and context_width be at least 0, got {between} and {context_width}; () "
                "is no layer"
            )
        self.context_width = context_width
        below = (feature_width, *self.widths[:-1])
        self.posterior_network = _Upward(
            ConditionalNormal(i, o, tanh, initial_log_scale)
            for i, o, tanh in zip(below, self.widths, between, strict=True)
        )
        links = [
            ConditionalNormal(i, o, tanh[::-1], initial_log_scale)
            for i, o, tanh in zip(self.widths[1:], self.widths[:-1], between[1:], strict=True)
        ]
        top = None
        if context_width:
            top = ConditionalNormal(context_width, self.widths[-1], (), 0.0, -4.0, gain=0.1)
        self.prior_network = _Downward(links, top)

    @property
    def decoded_width(self) -> int:
        """Width of z_1, the first dimensions of z: what the decoder reads."""
        return self.widths[0]

    def posterior(
        self, features: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> GaussianChain:
        """Return q(z_1 | features) q(z_2 | z_1) ..."""
        self._no_condition(condition)
        walk = network_walk(self.posterior_network, features)
        return GaussianChain(walk, self.widths, features.shape[:-1], features)

    def prior(
        self,
        batch_shape: Sequence[int],
        condition: Tensor | None = None,
        context: Tensor | None = None,
    ) -> GaussianChain:
        """Return p(z_L) ... p(z_1 | z_2)."""
        self._no_condition(condition)
        weight = next(self.parameters())
        if self.context_width:
            top = fit_context(context, self.context_width, batch_shape, type(self).__name__)
            top = top.to(weight)
        else:
            self._no_context(context)
            top = weight.new_zeros(()).expand(*batch_shape, self.widths[-1])
        return GaussianChain(
            network_walk(self.prior_network, top), self.widths, top.shape[:-1], top
        )

    def sample(
        self,
        sample_shape: Sequence[int],
        condition: Tensor | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        context: Tensor | None = None,
    ) -> Tensor:
        """Draw from the top down, every scale multiplied by ``temperature``."""
        check_temperature(temperature)
        shape = tuple(sample_shape)
        batch_shape = shape if context is None else context.shape[:-1]
        prior = self.prior(batch_shape, condition, context)
        full = (*(() if context is None else shape), *batch_shape, self.width)
        return prior.from_noise(temperature * real_noise(full, prior.like, None, generator))


class _Upward(nn.ModuleList):
    """q(z_1 | x), q(z_2 | z_1), ..."""

    def forward(self, choose: Choose, features: Tensor) -> list[Normal]:
        normals, x = [], features
        for index, layer in enumerate(self):
            normals.append(layer(x))
            x = choose(index, normals[-1])
        return normals


class _Downward(nn.Module):
    """p(z_L), ..., p(z_1 | z_2)."""

    def __init__(self, links: Sequence[ConditionalNormal], top: ConditionalNormal | None) -> None:
        super().__init__()
        self.links = nn.ModuleList(links)
        self.top = top

    def forward(self, choose: Choose, given: Tensor) -> list[Normal]:
        """Walk down; ``given`` is the context, or zeros in the shape of z_L."""
        if self.top is None:
            normals = [Normal(given, torch.ones_like(given), validate_args=False)]
        else:
            normals = [self.top(given)]
        z = choose(len(self.links), normals[0])
        for index in reversed(range(len(self.links))):
            normals.append(self.links[index](z))
            z = choose(index, normals[-1])
        return normals[::-1]
