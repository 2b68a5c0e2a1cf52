"""What the sites of a model say of a split: posterior means, codes, and which components answer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tts_vae.latents.codebook import count_codes, perplexity
from tts_vae.latents.contract import Latent, LatentOutput
from tts_vae.latents.divergences import log_responsibilities
from tts_vae.latents.mixture import MixtureLatent
from tts_vae.training.module import LatentModule


@dataclass(frozen=True)
class SiteValues:
    """What a site says of the items of a data loader.

    Attributes:
        means: (items, *steps, width) float32 array, posterior means or code vectors.
        codes: (real steps, levels) int64, -1 for a level left out; None without codes.
    """

    means: Any
    codes: torch.Tensor | None = None


@torch.no_grad()
def encode_sites(module: LatentModule, dataloader: Any, limit: int = 2000) -> dict[str, SiteValues]:
    """Encode a data loader.

    Returns:
        site -> its values of at most about ``limit`` items.
    """
    was_training = module.training
    module.eval()
    means: dict[str, list[Any]] = {name: [] for name in module.model.sites}
    codes: dict[str, list[torch.Tensor]] = {name: [] for name in module.model.sites}
    seen = 0
    for batch in dataloader:
        batch = batch.to(module.device)
        model = module.model
        sites = model.infer(
            batch.observation,
            batch.observation_mask,
            {site: getattr(batch, name) for site, name in model.conditions.items()},
            encoder_conditions={
                site: getattr(batch, name) for site, name in model.encoder_conditions.items()
            },
            mode="mean",
        )
        for name, output in sites.items():
            means[name].append(output.z.float().cpu().numpy())
            if output.codes is not None:
                codes[name].append(_real_codes(output, output.codes))
        seen += len(batch.observation)
        if seen >= limit:
            break
    module.train(was_training)
    return {
        name: SiteValues(np.concatenate(parts), torch.cat(codes[name]) if codes[name] else None)
        for name, parts in means.items()
    }


def _real_codes(output: LatentOutput, codes: torch.Tensor) -> torch.Tensor:
    """Codes (real steps, levels) of a batch; one level where codes have no axis of levels."""
    rows = codes.reshape(-1, codes.shape[-1] if codes.ndim == output.z.ndim else 1)
    return rows[(rows >= 0).any(-1)].cpu()


def posterior_means(module: LatentModule, dataloader: Any, limit: int = 2000) -> dict[str, Any]:
    """Posterior mean of every site over a data loader.

    Returns:
        site -> (items, width) float32 array, at most about ``limit`` items.
    """
    return {name: site.means for name, site in encode_sites(module, dataloader, limit).items()}


@torch.no_grad()
def component_usage(
    latent: Latent, means: torch.Tensor, codes: torch.Tensor | None = None
) -> torch.Tensor | None:
    """Share (components,) of each component; None without components that are chosen from.

    Args:
        latent: the site.
        means: (items, width) posterior means, whose responsibilities a mixture averages.
        codes: (real steps, levels) of a latent with codes, whose first level is counted.
    """
    if codes is not None:
        return count_codes(codes[:, 0], latent.components) / len(codes)
    if not isinstance(latent, MixtureLatent):
        return None
    logits = log_responsibilities(means, latent.means, latent.scales, latent.log_weights)
    return logits.exp().mean(0)


def codes_in_use(codes: torch.Tensor) -> float:
    """Perplexity of codes (real steps, levels): how many combinations occur, if evenly."""
    return perplexity(codes.unique(dim=0, return_counts=True)[1].float()).item()


def typical_value(means: torch.Tensor, codes: torch.Tensor | None = None) -> torch.Tensor:
    """The value (width,) that stands for means (items, width).

    Their mean; where there are codes, the item nearest to it: between codes a decoder has never
    been.
    """
    mean = means.mean(0)
    return mean if codes is None else means[(means - mean).square().sum(-1).argmin()]
