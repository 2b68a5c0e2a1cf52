"""Several draws of z for one batch: a decoder of speech scores them one after the other."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from tts_vae.models.speech.contract import SpeechTargets

Explained = tuple[dict[str, Tensor], dict[str, Tensor]]


def draws_of(values: Mapping[str, Tensor], batch: SpeechTargets) -> tuple[int, ...]:
    """Sample dimensions of z (*samples, batch, width); () for one draw, or a value per phone."""
    for z in values.values():
        per_phone = z.dim() == 3 and z.shape[:2] == batch.tokens.shape
        if z.dim() > 2 and not per_phone:
            return tuple(z.shape[:-2])
    return ()


def explain_draws(
    explain: Callable[[SpeechTargets, Mapping[str, Tensor]], Explained],
    batch: SpeechTargets,
    values: Mapping[str, Tensor],
    sample_shape: Sequence[int],
) -> Explained:
    """Terms (*samples, batch) of all draws, one pass of the batch each, and the first predictions.

    Args:
        explain: the decoder's own forward, of one draw.
        batch: targets.
        values: site -> z (*samples, batch, width).
        sample_shape: of the draws.
    """
    flat = {site: z.reshape(-1, *z.shape[-2:]) for site, z in values.items()}
    passes = [
        explain(batch, {site: z[i] for site, z in flat.items()})
        for i in range(math.prod(sample_shape))
    ]
    terms = {
        name: torch.stack([t[name] for t, _ in passes]).reshape(*sample_shape, -1)
        for name in passes[0][0]
    }
    return terms, passes[0][1]
