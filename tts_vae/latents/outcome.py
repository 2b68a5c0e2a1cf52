"""What comes out of a latent site: its value, its distributions and their terms in nats."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor
from torch.distributions import Distribution

Densities = tuple[Tensor, Tensor]


def known(log_q: Tensor, log_p: Tensor) -> Callable[[], Densities]:
    """Densities that have been computed already."""
    return lambda: (log_q, log_p)


@dataclass
class LatentOutput:
    """Outcome of one latent site.

    Attributes:
        z: (*samples, batch, *steps, width) what the decoder consumes; 0 on padding.
        posterior: batch shape (batch, *steps), event (width,); None for a plain code.
        prior: the same shapes; None for a plain code.
        densities: gives log_q and log_p, each (*samples, batch) nats; called when one is first
            read, which the evidence lower bound with an analytic KL never does.
        kl: (batch,) nats; analytic where a formula is registered, else the sample estimate.
        kl_per_dim: (batch, *steps, width) nats, 0 on padding, or None where no split exists.
        codes: (batch, *steps[, quantizers]) int64, -1 on padding; None for continuous latents.
        penalties: name -> (batch,), unweighted extras of a loss.
        statistics: name -> detached tensor for plots and logs.
        mask: (batch, *steps) bool, the real steps that the terms are sums over; None means all.
        context: what the prior read of the sites above; None for a site without parents.
    """

    z: Tensor
    posterior: Distribution | None
    prior: Distribution | None
    densities: Callable[[], Densities]
    kl: Tensor
    kl_per_dim: Tensor | None = None
    codes: Tensor | None = None
    penalties: dict[str, Tensor] = field(default_factory=dict)
    statistics: dict[str, Tensor] = field(default_factory=dict)
    mask: Tensor | None = None
    context: Tensor | None = None

    @property
    def log_q(self) -> Tensor:
        """Log-density of z under the posterior, summed over real steps; 0 without one."""
        return self._densities[0]

    @property
    def log_p(self) -> Tensor:
        """Log-density of z under the prior, summed over real steps; 0 without one."""
        return self._densities[1]

    @cached_property
    def _densities(self) -> Densities:
        return self.densities()


@dataclass(frozen=True)
class Divergence:
    """KL(posterior || prior) before masks and sums.

    Attributes:
        nats: (batch, *steps).
        per_dim: (batch, *steps, width) nats or None.
        statistics: name -> detached tensor.
    """

    nats: Tensor
    per_dim: Tensor | None = None
    statistics: dict[str, Tensor] = field(default_factory=dict)
