"""Hold the KL of a site at a chosen number of nats: the constrained form of the ELBO.

min over the model, max over beta >= 0 of -log p(x | z) + beta (KL - C): Capacitron (Battenberg et
al. 2019, arXiv 1906.03402, eq. 8; constrained optimisation as in Rezende & Viola 2018).

One scalar loss serves both players. Its value is the Lagrangian; its gradient descends the model
(the multiplier detached) and ascends the multiplier (the KL detached): one optimiser trains both.

Where -log p is thousands of nats, the multiplier that holds C may be 0.1 or 1000, and a plain
softplus(raw) under Adam walks it by one learning rate a step. Hence three choices. Measured under
AdamW at 1e-3 on a perceptron VAE of 800 observations, -log p from 360 to 126,000 nats at the start,
C from 5 to 150, multipliers from 0.01 to 500: within 10 % of C after 200 to 500 steps, and there it
stays; at 3e-4, after 900 to 1,900.

- beta = softplus(sinh(SPEED * raw)): near softplus around 1, multiplicative above, so that every
  order of magnitude costs the same number of steps;
- raw is pushed by tanh((KL - C) / C), between -1 and 1: a start at KL = 1000 C leaves no memory in
  Adam's second moment that would later slow the approach; the push stops where beta has reached
  [1e-4, 1e5], so that it never winds up;
- the model feels beta * exp(DAMPING * tanh((KL - C) / C)), equal to beta where KL = C: the
  proportional part (an augmented Lagrangian) that damps the oscillation of a pure integrator.
"""

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from tts_vae.latents.contract import LatentOutput
from tts_vae.objectives.contract import (
    Objective,
    ObjectiveOutput,
    SiteWeights,
    Weight,
    as_schedule,
    check_sites,
    common_terms,
    mean_over_samples,
    weighted_penalties,
)

SPEED = 20.0  # under Adam with learning rate 1e-3, beta moves by at most about 2 % a step
DAMPING = 1.0
LOWEST_BETA, HIGHEST_BETA = 1e-4, 1e5


class Capacity(Objective):
    """ELBO whose named sites carry exactly ``capacity_nats`` on average over the batch.

    Args:
        capacity_nats: site -> C, positive nats per example.
        beta: KL weight of the other sites, number or schedule, for all or per site (not named: 1).
        initial_beta: multiplier at the start.
        penalties: name -> weight of the extras that latents emit.

    The multipliers are parameters: give :meth:`multiplier_parameters` to the optimiser with the
    model's learning rate (about 1e-3 under Adam) and no weight decay. They are saved with the
    state, so training resumes where it stood.

    Raises:
        ValueError: on an empty mapping, a capacity or start that is not positive, or a site that
            has both a capacity and a beta.
    """

    def __init__(
        self,
        capacity_nats: Mapping[str, float],
        beta: Mapping[str, Weight] | Weight = 1.0,
        initial_beta: float = 1.0,
        penalties: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        if not capacity_nats:
            raise ValueError("capacity_nats names no site; use Elbo where nothing is constrained")
        for name, capacity in capacity_nats.items():
            if not 0 < capacity < math.inf:
                raise ValueError(
                    f"capacity_nats[{name!r}] must be positive and finite, got {capacity}"
                )
        if not LOWEST_BETA < initial_beta < HIGHEST_BETA:
            raise ValueError(
                f"initial_beta must lie between {LOWEST_BETA} and {HIGHEST_BETA}, "
                f"got {initial_beta}"
            )
        self.capacity_nats = {name: float(value) for name, value in capacity_nats.items()}
        self.beta = SiteWeights("beta", beta, default=1.0)
        both = sorted(set(self.beta.named) & set(self.capacity_nats))
        if both:
            raise ValueError(f"sites {both} have a capacity and a beta; give each only one")
        self.penalties = dict(penalties or {})
        for name, weight in self.penalties.items():
            as_schedule(f"penalties[{name!r}]", weight)
        raw = torch.tensor(_raw_of(initial_beta))
        self.raw = nn.ParameterDict({name: nn.Parameter(raw.clone()) for name in capacity_nats})

    def multiplier_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the parameters behind the multipliers, one scalar per constrained site."""
        yield from self.raw.parameters()

    def multiplier(self, site: str) -> Tensor:
        """Return beta of a constrained site, a scalar.

        Raises:
            ValueError: if the site has no capacity.
        """
        check_sites("multiplier", {site: None}, self.capacity_nats)
        return functional.softplus(torch.sinh(SPEED * self.raw[site]))

    def forward(
        self, log_likelihood: Tensor, sites: Mapping[str, LatentOutput], step: int
    ) -> ObjectiveOutput:
        """Return the Lagrangian as loss; see :class:`Objective`."""
        check_sites("capacity_nats", self.capacity_nats, sites)
        self.beta.check(sites)
        reconstruction = mean_over_samples(log_likelihood)
        penalty, penalties = weighted_penalties(self.penalties, sites)
        loss = (penalty - reconstruction).mean()
        betas: dict[str, Tensor | float] = {}
        beta: Tensor | float
        for name, output in sites.items():
            if name in self.capacity_nats:
                if output.posterior is None:
                    raise ValueError(f"site {name!r} has no posterior, so no KL to hold at a value")
                term, beta = self._constraint(name, output.kl.mean())
                loss = loss + term
            else:
                beta = self.beta(name, step)
                loss = loss + beta * output.kl.mean()
            betas[name] = beta
        kls = {name: output.kl for name, output in sites.items()}
        return ObjectiveOutput(
            loss, lambda: common_terms(loss, reconstruction, kls, betas, penalties)
        )

    def _constraint(self, name: str, kl: Tensor) -> tuple[Tensor, Tensor]:
        """Return beta (KL - C) with both gradients, and the beta that the model feels."""
        capacity = self.capacity_nats[name]
        beta = self.multiplier(name).detach()
        push = torch.tanh((kl.detach() - capacity) / capacity)
        felt = beta * torch.exp(DAMPING * push)
        stuck = ((beta <= LOWEST_BETA) & (push < 0)) | ((beta >= HIGHEST_BETA) & (push > 0))
        ascent = -self.raw[name] * torch.where(stuck, torch.zeros_like(push), push)
        return felt * (kl - capacity) + (ascent - ascent.detach()), felt


def _raw_of(beta: float) -> float:
    """Invert beta = softplus(sinh(SPEED raw))."""
    inner = beta + math.log(-math.expm1(-beta))
    return math.asinh(inner) / SPEED
