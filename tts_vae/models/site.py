"""One named latent with its encoder, below other sites or alone: how a model infers it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from tts_vae.latents.contract import Latent, LatentOutput
from tts_vae.latents.sampling import broadcast_value


def infer_site(
    encoder: nn.Module,
    latent: Latent,
    observation: Tensor,
    mask: Tensor | None,
    above: Mapping[str, Tensor],
    *,
    condition: Tensor | None = None,
    encoder_condition: Tensor | None = None,
    sample_shape: Sequence[int] = (),
    value: Tensor | None = None,
    mode: Literal["sample", "mean"] = "sample",
) -> LatentOutput:
    """Encode the observation and infer z.

    Args:
        encoder: ``(observation, mask[, above][, condition=])`` -> (batch, *steps, width).
        latent: the site's latent.
        observation: (batch, ...).
        mask: (batch, steps) bool, or None.
        above: parent -> its z (*sample_shape, batch, *steps, width); empty without parents.
        condition: of the prior, (batch,).
        encoder_condition: of the encoder, (batch,).
        sample_shape: leading dimensions of z.
        value: clamps z.
        mode: draw from the posterior or take its mean.

    Raises:
        ValueError: if the parents' steps do not fit this site's.
    """
    samples = tuple(sample_shape)
    folded = bool(above and samples)
    if folded:
        # features depend on the draw of the parents: every draw becomes an example of its own
        draws = math.prod(samples)
        observation = _repeat(observation, draws)
        mask = None if mask is None else _repeat(mask, draws)
        condition = None if condition is None else _repeat(condition, draws)
        if encoder_condition is not None:
            encoder_condition = _repeat(encoder_condition, draws)
        above = {name: z.flatten(0, len(samples)) for name, z in above.items()}
    given = (observation, mask, dict(above)) if above else (observation, mask)
    if encoder_condition is None:
        features = encoder(*given)
    else:
        features = encoder(*given, condition=encoder_condition)
    if not above:
        return latent(features, condition=condition, sample_shape=samples, value=value, mode=mode)
    steps = features.shape[1:-1]
    if folded and value is not None:
        shape = (*samples, len(features) // draws, *steps, latent.width)
        value = broadcast_value(value, shape, 1 + len(steps)).flatten(0, len(samples))
    context = torch.cat([_spread(name, z, steps) for name, z in above.items()], -1)
    output = latent(features, condition=condition, context=context, value=value, mode=mode)
    return _unfold(output, samples) if folded else output


def _repeat(tensor: Tensor, draws: int) -> Tensor:
    """(batch, ...) -> (draws * batch, ...)."""
    return tensor.expand(draws, *tensor.shape).flatten(0, 1)


def _spread(name: str, z: Tensor, steps: Sequence[int]) -> Tensor:
    """A parent's z (batch, *its steps, width) on the steps of its child."""
    coarse = z.shape[1:-1]
    if not coarse:
        return z.reshape(len(z), *(1,) * len(steps), -1).expand(-1, *steps, -1)
    if len(coarse) != len(steps) or any(s % c for s, c in zip(steps, coarse, strict=False)):
        raise ValueError(
            f"parent {name!r} has steps {tuple(coarse)}, which do not divide its child's, "
            f"{tuple(steps)}; declare sites from coarse to fine"
        )
    for dim, (few, many) in enumerate(zip(coarse, steps, strict=True), start=1):
        if few != many:
            z = z.repeat_interleave(many // few, dim)
    return z


def _unfold(output: LatentOutput, samples: tuple[int, ...]) -> LatentOutput:
    """Give draws their own dimensions again; what is stated per example is their mean."""

    def apart(tensor: Tensor) -> Tensor:
        return tensor.unflatten(0, (*samples, -1))

    def average(tensor: Tensor) -> Tensor:
        return tensor.unflatten(0, (math.prod(samples), -1)).mean(0)

    return replace(
        output,
        z=apart(output.z),
        densities=lambda: (apart(output.log_q), apart(output.log_p)),
        kl=average(output.kl),
        kl_per_dim=None if output.kl_per_dim is None else average(output.kl_per_dim),
        codes=None if output.codes is None else apart(output.codes),
        penalties={name: average(value) for name, value in output.penalties.items()},
        mask=None if output.mask is None else apart(output.mask)[(0,) * len(samples)],
        context=None if output.context is None else apart(output.context),
    )
