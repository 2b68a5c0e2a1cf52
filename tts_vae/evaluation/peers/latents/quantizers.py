"""vector-quantize-pytorch: VectorQuantize and ResidualVQ, alone and inside our VQ-VAE.

Straight-through gradients as ours, not its rotation; one objective, up to a factor.
"""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from tts_vae.data.images import ImageBatch
from tts_vae.evaluation.peers.latents.contestant import Contestant, named, require
from tts_vae.evaluation.peers.latents.networks import adam, networks_of
from tts_vae.latents.code_latent import CodeLatent
from tts_vae.models.latent_model import LatentModel

PACKAGE = "vector-quantize-pytorch"


def alone(
    latent: CodeLatent,
    commitment: float = 0.25,
    decay: float = 0.99,
    kmeans_init: bool = True,
    threshold_ema_dead_code: float = 2,
) -> Contestant:
    """A quantiser of features (batch, steps, width); its step has no optimiser."""
    theirs, name = _quantizer(
        latent.width,
        latent,
        commitment_weight=1.0,
        decay=decay,
        kmeans_init=kmeans_init,
        threshold_ema_dead_code=threshold_ema_dead_code,
        rotation_trick=False,
    )

    def step(features: Tensor) -> None:
        rows = features.detach().requires_grad_()
        z, _, loss = theirs(rows)
        (z.square().sum() + commitment * rows.numel() * loss.sum()).backward()

    return Contestant(
        named(PACKAGE, name),
        step,
        theirs,
        reconstruct=lambda features: theirs(features)[0],
        codes=lambda features: theirs(features)[1],
    )


def vq_vae(
    model: LatentModel,
    learning_rate: float,
    commitment: float = 0.25,
    decay: float = 0.99,
    kmeans_init: bool = True,
    threshold_ema_dead_code: float = 2,
    rotation_trick: bool = False,
) -> Contestant:
    """VQ-VAE of our networks around its quantiser."""
    networks = networks_of(model)
    latent = model.sites["z"]
    assert isinstance(latent, CodeLatent)
    theirs, name = _quantizer(
        networks.width,
        latent,
        commitment_weight=1.0,
        decay=decay,
        kmeans_init=kmeans_init,
        threshold_ema_dead_code=threshold_ema_dead_code,
        rotation_trick=rotation_trick,
    )
    encoder = nn.Sequential(networks.body, networks.head)
    whole = nn.ModuleList([encoder, theirs, networks.decoder])
    optimizer = adam(whole.parameters(), learning_rate)
    assert networks.scale is not None
    precision = networks.scale**-2

    def quantise(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = encoder(images)
        z, codes, error = theirs(maps.flatten(2).transpose(1, 2))
        return z.transpose(1, 2).unflatten(2, maps.shape[2:]), codes, error

    def step(batch: ImageBatch) -> None:
        z, _, error = quantise(batch.images)
        squared = functional.mse_loss(networks.decoder(z), batch.images, reduction="sum")
        # its error is a mean over batch, cells and width
        loss = 0.5 * precision * squared + commitment * z.numel() * error.sum()
        optimizer.zero_grad()
        (loss / len(batch)).backward()
        optimizer.step()

    return Contestant(
        named(PACKAGE, name),
        step,
        whole,
        reconstruct=lambda images: networks.decoder(quantise(images)[0]),
        codes=lambda images: quantise(images)[1],
    )


def _quantizer(width: int, latent: CodeLatent, **settings: Any) -> tuple[Any, str]:
    (package,) = require(PACKAGE, "vector_quantize_pytorch")
    size = {"dim": width, "codebook_size": latent.code_count}
    if latent.levels is None:
        return package.VectorQuantize(**size, **settings), "VectorQuantize"
    return package.ResidualVQ(**size, num_quantizers=latent.levels, **settings), "ResidualVQ"
