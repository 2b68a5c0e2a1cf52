"""The layers of one of our image models, as any library takes them: plain sequences, copied."""

import math
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tts_vae.latents.code_latent import CodeLatent
from tts_vae.latents.deterministic import DeterministicLatent
from tts_vae.latents.gaussian import GaussianLatent
from tts_vae.latents.scales import bounded_log_scale
from tts_vae.models.image.convolutional import ConvDecoder, ConvEncoder
from tts_vae.models.image.perceptron import PerceptronDecoder, PerceptronEncoder
from tts_vae.models.latent_model import LatentModel
from tts_vae.models.likelihoods import GaussianLikelihood


@dataclass
class Networks:
    """Copies of layers with the values they have now.

    Attributes:
        shape: (channels, height, width) of an image.
        width: of z.
        body: images -> features (n, features), or maps (n, features, height, width).
        head: features -> what the latent reads: the mean of z, a plain code, or, for maps, a 1 x 1
            convolution to vectors that are quantised.
        log_variance: features -> log variance of z; None without a posterior.
        decoder: z (*, width), or maps (n, width, height, width), -> locations of the pixels, flat
            or as maps.
        scale: standard deviation of Gaussian pixels; None where they are Bernoulli.
        cells: of a grid of codes; 1 without one.
    """

    shape: tuple[int, int, int]
    width: int
    body: nn.Sequential
    head: nn.Module
    log_variance: nn.Linear | None
    decoder: nn.Sequential
    scale: float | None
    cells: int


def networks_of(model: LatentModel) -> Networks:
    """Copy the layers of a model of one site "z".

    Raises:
        ValueError: if its encoder and decoder are not a pair of perceptrons, or of convolutional
            networks between images and grids.
    """
    encoder, latent, decoder = model.encoders["z"], model.sites["z"], model.decoder
    if isinstance(encoder, PerceptronEncoder) and isinstance(decoder, PerceptronDecoder):
        body: list[nn.Module] = [nn.Flatten(), encoder.first, *_parts(encoder.rest)]
        layers: list[nn.Module] = [decoder.first, *_parts(decoder.rest), decoder.pixels]
    elif isinstance(encoder, ConvEncoder) and isinstance(decoder, ConvDecoder):
        assert decoder.from_grids is not None
        body = [*_parts(encoder.stages), *_parts(encoder.tail)]
        layers = [decoder.from_grids, *_parts(decoder.stages)]
    else:
        raise ValueError(
            "expected perceptrons, or convolutional networks, on both sides, got "
            f"{type(encoder).__name__} and {type(decoder).__name__}; see configs/image/"
        )
    log_variance: nn.Linear | None = None
    if isinstance(latent, GaussianLatent):
        linear: nn.Module = latent.posterior_head.mean
        log_variance = deepcopy(latent.posterior_head.raw_log_scale)
        with torch.no_grad():  # log s^2 = 2 log s; weights are small, so the bound is the bias's
            log_variance.weight.mul_(2)
            log_variance.bias.copy_(2 * bounded_log_scale(log_variance.bias))
    else:
        assert isinstance(latent, CodeLatent | DeterministicLatent)
        linear = latent.project
    assert isinstance(linear, nn.Linear)
    likelihood = decoder.likelihood
    log_scale = likelihood.log_scale if isinstance(likelihood, GaussianLikelihood) else None
    return Networks(
        decoder.shape,
        latent.width,
        deepcopy(nn.Sequential(*body)),
        pointwise(linear) if isinstance(encoder, ConvEncoder) else deepcopy(linear),
        log_variance,
        deepcopy(nn.Sequential(*layers)),
        None if log_scale is None else math.exp(log_scale),  # type: ignore[arg-type]
        math.prod(decoder.grid) if isinstance(decoder, ConvDecoder) else 1,
    )


def pointwise(linear: nn.Linear) -> nn.Conv2d:
    """The same map as a convolution of 1 x 1 over (n, features, height, width)."""
    convolution = nn.Conv2d(linear.in_features, linear.out_features, 1)
    with torch.no_grad():
        convolution.weight.copy_(linear.weight[..., None, None])
        convolution.bias.copy_(linear.bias)  # type: ignore[union-attr]
    return convolution


def adam(parameters: Iterable[Tensor], learning_rate: float) -> torch.optim.Optimizer:
    """The optimiser that everyone else gets, as their libraries set it up.

    Our trainers have a fused form (``training.optimizer``): the same numbers up to rounding, in
    less time.
    """
    return torch.optim.Adam(parameters, lr=learning_rate)


def _parts(module: nn.Module) -> list[nn.Module]:
    assert isinstance(module, nn.Sequential)
    return list(module)
