"""The recognition head shared by all Gaussian posteriors: features -> q(z | x)."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.distributions import Independent, MultivariateNormal, Normal

from tts_vae.latents.scales import bounded_log_scale

Covariance = Literal["diagonal", "cholesky"]


class GaussianPosterior(nn.Module):
    """Linear head giving a diagonal or a full-covariance Gaussian.

    The full covariance is L L^T with L = diag(s) (I + N), N strictly lower triangular and 0 at the
    start (Kingma & Welling 2019, "An introduction to VAEs", section 2.5.1).

    Args:
        feature_width: width of the features.
        width: width of z.
        covariance: "diagonal" or "cholesky".
        initial_log_scale: log standard deviation at the start. Below 0 the decoder hears the code
            from the first step.

    Raises:
        ValueError: for an unknown covariance.
    """

    def __init__(
        self,
        feature_width: int,
        width: int,
        covariance: Covariance = "diagonal",
        initial_log_scale: float = -1.0,
    ) -> None:
        super().__init__()
        if covariance not in ("diagonal", "cholesky"):
            raise ValueError(f'covariance must be "diagonal" or "cholesky", got {covariance!r}')
        self.width = width
        self.covariance = covariance
        self.mean = nn.Linear(feature_width, width)
        self.raw_log_scale = nn.Linear(feature_width, width)
        nn.init.normal_(self.raw_log_scale.weight, std=0.01)
        nn.init.constant_(self.raw_log_scale.bias, initial_log_scale)
        if covariance == "cholesky":
            self.lower = nn.Linear(feature_width, width * (width - 1) // 2)
            nn.init.zeros_(self.lower.weight)
            nn.init.zeros_(self.lower.bias)

    def forward(self, features: Tensor) -> "Independent[Normal] | MultivariateNormal":
        """Return q(z | features): batch (batch, *steps), event (width,)."""
        mean = self.mean(features)
        scale = torch.exp(bounded_log_scale(self.raw_log_scale(features)))
        if self.covariance == "diagonal":
            return Independent(Normal(mean, scale, validate_args=False), 1, validate_args=False)
        rows, columns = torch.tril_indices(
            self.width, self.width, offset=-1, device=features.device
        )
        factor = torch.diag_embed(torch.ones_like(scale))
        factor[..., rows, columns] = self.lower(features)
        scale_tril = scale.unsqueeze(-1) * factor
        return MultivariateNormal(mean, scale_tril=scale_tril, validate_args=False)
