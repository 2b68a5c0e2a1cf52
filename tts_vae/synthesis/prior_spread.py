"""How far one step in a latent dimension is: the standard deviation of its prior."""

import torch
from torch import Tensor
from torch.distributions import Independent, MixtureSameFamily

from tts_vae.latents.deterministic import DeterministicLatent
from tts_vae.synthesis.bundle import VoiceBundle

_DRAWS = 4096


@torch.no_grad()
def prior_sd(bundle: VoiceBundle, site: str) -> Tensor:
    """Standard deviation of the prior of a site in each dimension, (width,).

    Of the whole prior: over all components of a mixture and all classes of a conditional one. It is
    in closed form for Gaussians and their mixtures, over 4096 draws (always the same) for other
    priors, and over the training recordings where there is no prior by itself: a plain code, or a
    site whose prior depends on other sites.

    Args:
        bundle: the voice.
        site: name of one of its sites.

    Raises:
        ValueError: if there is no such site, or nothing is known of its spread.
    """
    sites = bundle.model.sites
    if site not in sites:
        raise ValueError(f"unknown site {site!r}; this voice has {', '.join(sites)}")
    latent = sites[site]
    if isinstance(latent, DeterministicLatent) or site in bundle.model.parents:
        stored = bundle.styles.get("sites", {}).get(site, {}).get("std")
        if stored is None:
            raise ValueError(
                f"site {site} has no prior of its own and styles.json no standard deviations of "
                "its codes; train the voice again or give the steps as vectors"
            )
        return torch.as_tensor(stored, dtype=torch.float32)
    prior = latent.prior((1,))
    if isinstance(prior, Independent | MixtureSameFamily):
        return prior.stddev[0].float()
    drawn = latent.sample((_DRAWS,), generator=torch.Generator().manual_seed(0))
    return drawn.reshape(_DRAWS, -1, latent.width).mean(1).std(0).float()
