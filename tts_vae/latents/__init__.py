"""What z IS: latents, their posteriors, priors and divergences. Torch only."""

from tts_vae.latents.bottom_up import BottomUpLatent
from tts_vae.latents.contract import Divergence, Latent, LatentOutput
from tts_vae.latents.deterministic import DeterministicLatent
from tts_vae.latents.gaussian import GaussianLatent
from tts_vae.latents.hierarchy import HierarchicalLatent
from tts_vae.latents.mixture import MixtureLatent
from tts_vae.latents.relaxed_categorical import RelaxedCategoricalLatent
from tts_vae.latents.residual_quantizer import ResidualQuantizerLatent
from tts_vae.latents.style_tokens import StyleTokenLatent
from tts_vae.latents.vector_quantizer import VectorQuantizerLatent

__all__ = [
    "BottomUpLatent",
    "DeterministicLatent",
    "Divergence",
    "GaussianLatent",
    "HierarchicalLatent",
    "Latent",
    "LatentOutput",
    "MixtureLatent",
    "RelaxedCategoricalLatent",
    "ResidualQuantizerLatent",
    "StyleTokenLatent",
    "VectorQuantizerLatent",
]
