"""A chain of conditional Gaussians as one distribution over their concatenation.

q(z | x) = prod_i N(z_i; f_i(z_<i, x)) is no Gaussian, yet it draws by reparameterisation, scores
any z and differentiates like one: a hierarchy of any depth is one latent for objectives and models.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.distributions import Normal, constraints
from torch.func import functional_call

from tts_vae.latents.divergences import gaussian_kl_per_dim
from tts_vae.latents.sampling import NoiseDriven, reparameterise

Choose = Callable[[int, Normal], Tensor]
"""Given a group's index and its conditional, return the value (..., group width) it takes."""


class Walk(Protocol):
    """Visits every group in an order of its own and asks ``choose`` for each value."""

    def __call__(self, choose: Choose, detached: bool = False) -> list[Normal]:
        """Return the conditionals by group index; ``detached`` lets no gradient reach parameters.

        The values that ``choose`` returns keep their gradient in either case.
        """


def network_walk(network: nn.Module, *inputs: Tensor | None) -> Walk:
    """Return the walk of a module ``(choose, *inputs) -> conditionals``."""

    def walk(choose: Choose, detached: bool = False) -> list[Normal]:
        if not detached:
            return network(choose, *inputs)
        frozen = {name: parameter.detach() for name, parameter in network.named_parameters()}
        still = [None if each is None else each.detach() for each in inputs]
        return functional_call(network, frozen, (choose, *still))

    return walk


class GaussianChain(NoiseDriven):
    """prod_i N(z_i | the groups before it) over z, the groups side by side.

    Args:
        walk: visits the groups.
        widths: width of every group, in the order of the concatenation.
        batch_shape: (batch, *steps), or with leading draws of what the chain depends on.
        like: gives type and device.
        without_gradient: let no gradient reach the parameters.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        walk: Walk,
        widths: Sequence[int],
        batch_shape: Sequence[int],
        like: Tensor,
        without_gradient: bool = False,
    ) -> None:
        ends = torch.tensor(widths).cumsum(0).tolist()
        self.groups = [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]
        self._walk = walk
        self._widths = tuple(widths)
        self._like = like
        self._without_gradient = without_gradient
        self._known: tuple[Tensor, bool, list[Normal]] | None = None
        shape, event = torch.Size(batch_shape), torch.Size((sum(widths),))
        super().__init__(shape, event, validate_args=False)

    @property
    def like(self) -> Tensor:
        """A tensor of the type and on the device of the draws."""
        return self._like

    def detached(self) -> "GaussianChain":
        """Return the same chain, whose conditionals depend on z but on no parameter."""
        return GaussianChain(self._walk, self._widths, self.batch_shape, self._like, True)

    def from_noise(self, noise: Tensor) -> Tensor:
        """Return z_i = mean_i(z_<i) + scale_i(z_<i) noise_i, (*samples, *batch_shape, width)."""
        return self._run(lambda i, n: n.mean + n.stddev * noise[..., self.groups[i]])

    def rsample(
        self,
        sample_shape: Sequence[int] = (),
        mask: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw z; with a mask (batch, *steps) no noise is spent on padding."""
        return reparameterise(self, sample_shape, mask, generator)

    @property
    def mean(self) -> Tensor:
        """The chained means, (*batch_shape, width): every group at its mean given the others'.

        The mean itself where the chain is linear; elsewhere the point that stands for it.
        """
        return self._run(lambda _, normal: normal.mean)

    def conditionals(self, z: Tensor) -> list[Normal]:
        """Return the conditional of every group given its ancestors in z (..., width)."""
        gradient = torch.is_grad_enabled()
        if self._known is None or self._known[0] is not z or self._known[1] != gradient:
            normals = self._walk(lambda i, _: z[..., self.groups[i]], self._without_gradient)
            self._known = (z, gradient, normals)
        return self._known[2]

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log p(z) = sum_i log p(z_i | z_<i), nats, (..., *batch_shape)."""
        terms = [
            normal.log_prob(value[..., group]).sum(-1)
            for normal, group in zip(self.conditionals(value), self.groups, strict=True)
        ]
        return torch.stack(torch.broadcast_tensors(*terms)).sum(0)

    def _run(self, choose: Choose) -> Tensor:
        chosen: dict[int, Tensor] = {}

        def keep(index: int, normal: Normal) -> Tensor:
            chosen[index] = choose(index, normal)
            return chosen[index]

        normals = self._walk(keep, self._without_gradient)
        z = torch.cat([chosen[index] for index in range(len(chosen))], -1)
        # the density of a fresh draw needs no second walk
        self._known = (z, torch.is_grad_enabled(), normals)
        return z


def conditional_kl_per_dim(q: GaussianChain, p: GaussianChain, z: Tensor) -> Tensor:
    """KL(q(z_i | ancestors) || p(z_i | ancestors)) of each dimension, given the ancestors in z.

    Its expectation over z ~ q, summed, is KL(q || p) where both chains share one order, because
    each group's KL depends on what was drawn before it alone (chain rule of the KL).

    Returns:
        (*samples, batch, *steps, width).
    """
    each = [
        gaussian_kl_per_dim(a.mean, a.stddev, b.mean, b.stddev)
        for a, b in zip(q.conditionals(z), p.conditionals(z), strict=True)
    ]
    shape = torch.broadcast_shapes(*(kl.shape[:-1] for kl in each))
    return torch.cat([kl.expand(*shape, kl.shape[-1]) for kl in each], -1)
