"""What every objective takes and gives, and the parts they share."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from tts_vae.latents.contract import LatentOutput
from tts_vae.objectives.schedules import Constant, Schedule

Weight = float | Schedule


@dataclass
class ObjectiveOutput:
    """One step of an objective.

    Attributes:
        loss: scalar to minimise, nats per example.
        report: gives ``terms``; called without gradients when they are first read.
    """

    loss: Tensor
    report: Callable[[], dict[str, Tensor]]

    @cached_property
    def terms(self) -> dict[str, Tensor]:
        """Name -> detached scalar.

        "loss", "elbo" (all KL at weight 1), "log_likelihood", "kl/<site>", "beta/<site>",
        "penalty/<name>".
        """
        with torch.no_grad():
            return {name: term.detach() for name, term in self.report().items()}


class Objective(nn.Module, ABC):
    """A loss over a log-likelihood and named latent sites.

    A NaN or infinity in any part reaches the loss; nothing is clamped away.
    """

    @abstractmethod
    def forward(
        self, log_likelihood: Tensor, sites: Mapping[str, LatentOutput], step: int
    ) -> ObjectiveOutput:
        """Return the loss.

        Args:
            log_likelihood: (*samples, batch) nats.
            sites: site -> its outcome.
            step: training step, which schedules read.

        Raises:
            ValueError: if an option names a site or penalty that does not exist.
        """


def check_sites(option: str, named: Mapping[str, object], sites: Mapping[str, object]) -> None:
    """Raise ValueError if ``named`` holds a site that is not in ``sites``."""
    unknown = sorted(set(named) - set(sites))
    if unknown:
        raise ValueError(f"{option} names unknown sites {unknown}; valid: {sorted(sites)}")


def as_schedule(name: str, weight: Weight) -> Schedule:
    """Return a schedule; a number is a constant one.

    Raises:
        ValueError: if a number is negative or not finite.
    """
    if isinstance(weight, int | float):
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(f"{name} must be finite and at least 0, got {weight}")
        return Constant(float(weight))
    if not callable(weight):
        raise ValueError(f"{name} must be a number or a schedule, got {type(weight).__name__}")
    return weight


class SiteWeights:
    """One weight or schedule for all sites, or one for each named site.

    Args:
        option: name of the option, for messages.
        weights: a number, a schedule, or a mapping site -> either.
        default: weight of sites that a mapping does not name.
    """

    def __init__(self, option: str, weights: Mapping[str, Weight] | Weight, default: float) -> None:
        self.option = option
        if isinstance(weights, Mapping):
            self.named = {k: as_schedule(f"{option}[{k!r}]", v) for k, v in weights.items()}
            self.default = as_schedule(option, default)
        else:
            self.named = {}
            self.default = as_schedule(option, weights)

    def check(self, sites: Mapping[str, object]) -> None:
        """Raise ValueError if a named site does not exist."""
        check_sites(self.option, self.named, sites)

    def __call__(self, site: str, step: int) -> float:
        """Return the weight of ``site`` at ``step``."""
        return self.named.get(site, self.default)(step)


def mean_over_samples(log_likelihood: Tensor) -> Tensor:
    """Average (*samples, batch) over the leading sample dimensions; (batch,)."""
    if log_likelihood.ndim < 1:
        raise ValueError(
            "log_likelihood must be (*samples, batch) nats per example, got a scalar; "
            "do not average before the objective"
        )
    return log_likelihood.flatten(0, -2).mean(0) if log_likelihood.ndim > 1 else log_likelihood


def weighted_penalties(
    weights: Mapping[str, float], sites: Mapping[str, LatentOutput]
) -> tuple[Tensor | float, dict[str, Tensor]]:
    """Sum of weighted penalties per example, and each of them, unweighted, (batch,).

    Raises:
        ValueError: if a weight names no existing penalty, or a penalty has no weight: an extra
            that a latent emits is never dropped in silence.
    """
    totals: dict[str, Tensor] = {}
    for output in sites.values():
        for name, value in output.penalties.items():
            totals[name] = totals[name] + value if name in totals else value
    if set(totals) != set(weights):
        raise ValueError(
            f"penalties weighs {sorted(weights)} but the latents emit {sorted(totals)}; "
            "weigh exactly those (0.0 ignores one)"
        )
    total: Tensor | float = sum(weights[name] * value for name, value in totals.items())
    return total, totals


def common_terms(
    loss: Tensor,
    log_likelihood: Tensor,
    kls: Mapping[str, Tensor],
    betas: Mapping[str, Tensor | float],
    penalties: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """The terms that every objective reports, from per-example (batch,) parts."""
    total = log_likelihood
    for kl in kls.values():
        total = total - kl
    terms = {"loss": loss, "elbo": total.mean(), "log_likelihood": log_likelihood.mean()}
    terms |= {f"kl/{site}": kl.mean() for site, kl in kls.items()}
    terms |= {f"beta/{site}": torch.as_tensor(beta).to(loss) for site, beta in betas.items()}
    return terms | {f"penalty/{name}": value.mean() for name, value in penalties.items()}
