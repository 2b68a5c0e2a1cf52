"""What the prior of a latent site says of distances: its centre, its spread, its density.

Paths between styles and traversals count in these units, so that a step means the same in every
dimension and for every voice.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent, MixtureSameFamily, Normal

from tts_vae.latents.deterministic import DeterministicLatent
from tts_vae.latents.mixture import MixtureLatent
from tts_vae.synthesis.bundle import VoiceBundle
from tts_vae.synthesis.prior_spread import prior_sd

_DRAWS = 4096
_SMALLEST_SD = 1e-6


@dataclass(frozen=True)
class SitePrior:
    """The prior of one site, over all its conditions.

    Attributes:
        site: its name.
        mean: (width,) float64.
        sd: (width,) float64 standard deviation of each dimension, above zero.
        mixture: the prior in float64 if it is a Gaussian mixture with named components, else None.
        density: log p(z) in nats, (..., width) -> (...), where z is continuous; else None.
    """

    site: str
    mean: Tensor
    sd: Tensor
    mixture: MixtureSameFamily | None
    density: Distribution | None

    @property
    def width(self) -> int:
        """Dimensions of the site."""
        return len(self.mean)

    def log_prob(self, value: Tensor) -> float | None:
        """Log density of a value (width,) in nats, the mean over phones for (phones, width)."""
        if self.density is None:
            return None
        return float(self.density.log_prob(value.double()).mean())


@torch.no_grad()
def site_prior(bundle: VoiceBundle, site: str) -> SitePrior:
    """The prior of a site.

    The mean is exact where the distribution knows it, else that of 4096 draws at a fixed seed, or
    of the training posteriors where the site has no prior of its own; the standard deviations are
    those of :func:`tts_vae.synthesis.prior_spread.prior_sd`.

    Raises:
        ValueError: if there is no such site, or nothing tells where its values lie.
    """
    sd = prior_sd(bundle, site).double()
    latent = bundle.model.sites[site]
    if isinstance(latent, DeterministicLatent) or site in bundle.model.parents:
        stored = bundle.styles.get("sites", {}).get(site, {}).get("default")
        if stored is None:
            raise ValueError(
                f"site {site} has no prior of its own and styles.json no mean of its codes; train "
                "the voice again or use a linear path"
            )
        mean = torch.as_tensor(stored).double()
        return SitePrior(site, mean, sd.clamp(min=_SMALLEST_SD), None, None)
    prior = _double(latent.prior(()))
    if not isinstance(prior, Independent | MixtureSameFamily):
        drawn = latent.sample((_DRAWS,), generator=torch.Generator().manual_seed(0))
        mean = drawn.reshape(-1, latent.width).double().mean(0)
        return SitePrior(site, mean, sd.clamp(min=_SMALLEST_SD), None, None)
    mixture = None
    if isinstance(latent, MixtureLatent) and isinstance(prior, MixtureSameFamily):
        mixture = prior
    return SitePrior(site, prior.mean, sd.clamp(min=_SMALLEST_SD), mixture, prior)


def _double(prior: Distribution | None) -> Distribution | None:
    """The same diagonal Gaussian, or mixture of them, in float64; others as they are."""
    if isinstance(prior, MixtureSameFamily):
        parts = _double(prior.component_distribution)
        assert parts is not None
        weights = Categorical(
            logits=prior.mixture_distribution.logits.double(), validate_args=False
        )
        return MixtureSameFamily(weights, parts, validate_args=False)
    if isinstance(prior, Independent) and isinstance(prior.base_dist, Normal):
        base = prior.base_dist
        normal = Normal(base.loc.double(), base.scale.double(), validate_args=False)
        return Independent(normal, 1, validate_args=False)
    return prior
