"""What z IS: latents, their posteriors, priors and divergences. Torch only."""

from tts_vae.latents.contract import Divergence, Latent, LatentOutput
from tts_vae.latents.deterministic import DeterministicLatent
from tts_vae.latents.gaussian import GaussianLatent
from tts_vae.latents.mixture import MixtureLatent
from tts_vae.latents.style_tokens import StyleTokenLatent

__all__ = [
    "DeterministicLatent",
    "Divergence",
    "GaussianLatent",
    "Latent",
    "LatentOutput",
    "MixtureLatent",
    "StyleTokenLatent",
]
