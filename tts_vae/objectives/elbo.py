"""The evidence lower bound with a KL weight per site, free bits and penalties.

loss = -mean_batch[log p(x | z) - sum_i beta_i free_bits(KL_i) - sum_j lambda_j penalty_j].
ELBO: Kingma & Welling 2014; beta: Higgins et al. 2017; free bits: Kingma et al. 2016
(arXiv 1606.04934, appendix C.8), here per example so that no term depends on its batch.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from tts_vae.latents.contract import LatentOutput
from tts_vae.objectives.contract import (
    Objective,
    ObjectiveOutput,
    SiteWeights,
    Weight,
    as_schedule,
    common_terms,
    mean_over_samples,
    weighted_penalties,
)


class Elbo(Objective):
    """Weighted evidence lower bound.

    Args:
        beta: KL weight, number or schedule, for all sites or per site; sites that a mapping does
            not name have 1.
        free_bits_nats: KL below which a site is not pressed further, for all or per site (not
            named: 0).
        free_bits_per: "site" floors the KL of a site; "dimension" floors each dimension, summed
            over steps, so that no dimension may hide behind another.
        penalties: name -> weight of the extras that latents emit.
        estimate: "analytic" takes ``kl``; "sample" takes log_q - log_p of the draws, the
            single-sample ELBO that the importance bound with k = 1 equals.

    Raises:
        ValueError: on negative weights or unknown options.
    """

    def __init__(
        self,
        beta: Mapping[str, Weight] | Weight = 1.0,
        free_bits_nats: Mapping[str, float] | float = 0.0,
        free_bits_per: Literal["site", "dimension"] = "site",
        penalties: Mapping[str, float] | None = None,
        estimate: Literal["analytic", "sample"] = "analytic",
    ) -> None:
        super().__init__()
        if free_bits_per not in ("site", "dimension"):
            raise ValueError(f'free_bits_per must be "site" or "dimension", got {free_bits_per!r}')
        if estimate not in ("analytic", "sample"):
            raise ValueError(f'estimate must be "analytic" or "sample", got {estimate!r}')
        self.beta = SiteWeights("beta", beta, default=1.0)
        self.free_bits = SiteWeights("free_bits_nats", free_bits_nats, default=0.0)
        self.free_bits_per = free_bits_per
        self.penalties = dict(penalties or {})
        for name, weight in self.penalties.items():
            as_schedule(f"penalties[{name!r}]", weight)
        self.estimate = estimate

    def forward(
        self, log_likelihood: Tensor, sites: Mapping[str, LatentOutput], step: int
    ) -> ObjectiveOutput:
        """Return the loss; see :class:`Objective`."""
        self.beta.check(sites)
        self.free_bits.check(sites)
        reconstruction = mean_over_samples(log_likelihood)
        penalty, penalties = weighted_penalties(self.penalties, sites)
        cost = penalty - reconstruction if penalties else -reconstruction
        kls: dict[str, Tensor] = {}
        betas: dict[str, float] = {}
        for name, output in sites.items():
            betas[name] = self.beta(name, step)
            kls[name] = self._kl(output)
            floored = self._floored(name, output, kls[name], self.free_bits(name, step))
            if output.posterior is not None:
                cost = torch.add(cost, floored, alpha=betas[name])
        loss = cost.mean()
        return ObjectiveOutput(
            loss, lambda: common_terms(loss, reconstruction, kls, betas, penalties)
        )

    def _kl(self, output: LatentOutput) -> Tensor:
        if self.estimate == "analytic":
            return output.kl
        return mean_over_samples(output.log_q - output.log_p)

    def _floored(self, name: str, output: LatentOutput, kl: Tensor, free_bits: float) -> Tensor:
        if free_bits == 0 or output.posterior is None:
            return kl
        if self.free_bits_per == "site":
            return kl.clamp(min=free_bits)
        if output.kl_per_dim is None:
            raise ValueError(
                f"site {name!r} has no KL per dimension (its KL does not split); "
                'use free_bits_per="site"'
            )
        per_dim = output.kl_per_dim
        if per_dim.ndim > 2:
            per_dim = per_dim.flatten(1, -2).sum(1)
        # what does not belong to a dimension, e.g. the KL of a mixture's component, stays as it is
        return kl + (per_dim.clamp(min=free_bits) - per_dim).sum(-1)
