"""What comes out of a latent site: its value, its distributions and their terms in nats."""

from dataclasses import dataclass, field

from torch import Tensor
from torch.distributions import Distribution


@dataclass
class LatentOutput:
    """Outcome of one latent site.

    Attributes:
        z: (*samples, batch, *steps, width) what the decoder consumes; 0 on padding.
        posterior: batch shape (batch, *steps), event (width,); None for a plain code.
        prior: the same shapes; None for a plain code.
        log_q: (*samples, batch) nats, summed over real steps; 0 without a posterior.
        log_p: (*samples, batch) nats, summed over real steps; 0 without a prior.
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
    log_q: Tensor
    log_p: Tensor
    kl: Tensor
    kl_per_dim: Tensor | None = None
    codes: Tensor | None = None
    penalties: dict[str, Tensor] = field(default_factory=dict)
    statistics: dict[str, Tensor] = field(default_factory=dict)
    mask: Tensor | None = None
    context: Tensor | None = None


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
