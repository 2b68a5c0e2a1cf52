"""A plain code: no posterior, no prior, no KL.

The auto-encoder's latent, and in speech the reference embedding of Skerry-Ryan et al. 2018
(arXiv 1803.09047): the baseline that cannot be sampled.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from tts_vae.latents.contract import Latent


class DeterministicLatent(Latent):
    """A linear code of the features.

    Args:
        feature_width: width of the encoder features.
        width: width of z.

    Shapes: features (batch, *steps, feature_width) -> z (*samples, batch, *steps, width). Its
    log_q, log_p and kl are 0, so an objective reduces to the log-likelihood.
    """

    def __init__(self, feature_width: int, width: int) -> None:
        super().__init__(feature_width, width)
        self.project = nn.Linear(feature_width, width)

    def posterior(
        self, features: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Distribution | None:
        """Return None: the code is a point."""
        self._no_condition(condition)
        return None

    def prior(
        self,
        batch_shape: Sequence[int],
        condition: Tensor | None = None,
        context: Tensor | None = None,
    ) -> Distribution | None:
        """Return None: nothing is known before an example is seen."""
        self._no_condition(condition)
        return None

    def point(self, features: Tensor, posterior: Distribution | None) -> Tensor:
        """Return the code (batch, *steps, width)."""
        return self.project(features)

    def sample(
        self,
        sample_shape: Sequence[int],
        condition: Tensor | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        context: Tensor | None = None,
    ) -> Tensor:
        """Refuse.

        Raises:
            ValueError: always; a plain code has no prior.
        """
        raise ValueError(
            "DeterministicLatent has no prior to sample; encode a reference or pass value=, "
            "or train a GaussianLatent or MixtureLatent"
        )
