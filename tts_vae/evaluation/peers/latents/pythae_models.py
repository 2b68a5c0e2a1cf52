"""pythae (Chadebec et al. 2022, arXiv 2206.08309): AE, VAE, beta-VAE, IWAE and VQ-VAE.

Its networks are ours in its wrappers; what its own trainer does around a step is left out, as it is
on our side.
"""

from typing import Any

import torch
from torch import Tensor, nn

from tts_vae.data.images import ImageBatch
from tts_vae.evaluation.peers.latents.contestant import Contestant, named, require
from tts_vae.evaluation.peers.latents.networks import Networks, adam, networks_of
from tts_vae.models.latent_model import LatentModel

PACKAGE = "pythae"


def auto_encoder(model: LatentModel, learning_rate: float) -> Contestant:
    """AE: squared error, summed over pixels: a Gaussian of variance 1/2."""
    models, _ = _modules()
    networks = networks_of(model)
    config = models.AEConfig(input_dim=networks.shape, latent_dim=networks.width)
    theirs = models.AE(config, *_parts(networks))
    step = _step(theirs, learning_rate)

    def reconstruct(images: Tensor) -> Tensor:
        return theirs({"data": images}).recon_x

    return Contestant(named(PACKAGE, "AE"), step, theirs, reconstruct=reconstruct)


def variational(
    model: LatentModel, learning_rate: float, beta: float = 1.0, draws: int = 1
) -> Contestant:
    """VAE, BetaVAE where beta is not 1, IWAE where there are several draws; Bernoulli pixels."""
    models, _ = _modules()
    networks = networks_of(model)
    settings: dict[str, Any] = {"reconstruction_loss": "bce"}
    name = "VAE"
    if draws > 1:
        name, settings["number_samples"] = "IWAE", draws
    elif beta != 1:
        name, settings["beta"] = "BetaVAE", beta
    config = getattr(models, f"{name}Config")(
        input_dim=networks.shape, latent_dim=networks.width, **settings
    )
    encoder, decoder = _parts(networks, probabilities=True)
    theirs = getattr(models, name)(config, encoder, decoder)

    def posterior(images: Tensor) -> tuple[Tensor, Tensor]:
        found = theirs.encoder(images)
        return found.embedding, (0.5 * found.log_covariance).exp()

    return Contestant(
        named(PACKAGE, name),
        _step(theirs, learning_rate),
        theirs,
        encode=posterior,
        decode=networks.decoder,
    )


def vq_vae(
    model: LatentModel,
    learning_rate: float,
    commitment: float = 0.25,
    ema: bool = False,
    decay: float = 0.99,
) -> Contestant:
    """VQVAE with the objective of ours, up to a factor.

    Its quantiser's loss is a mean over cells and width where its reconstruction loss is a sum over
    pixels; the weights given to it undo that.
    """
    models, _ = _modules()
    networks = networks_of(model)
    # ours: error / (2 scale^2) + w * sum; theirs: error + w' * mean
    assert networks.scale is not None
    weight = 2 * networks.scale**2 * networks.cells * networks.width
    config = models.VQVAEConfig(
        input_dim=networks.shape,
        latent_dim=networks.width,
        commitment_loss_factor=commitment * weight,
        quantization_loss_factor=weight,
        num_embeddings=model.sites["z"].components,
        use_ema=ema,
        decay=decay,
    )
    theirs = models.VQVAE(config, *_parts(networks))

    def reconstruct(images: Tensor) -> Tensor:
        return theirs({"data": images}).recon_x

    def codes(images: Tensor) -> Tensor:
        return theirs({"data": images}).quantized_indices.flatten(1)

    return Contestant(
        named(PACKAGE, "VQVAE EMA" if ema else "VQVAE"),
        _step(theirs, learning_rate),
        theirs,
        reconstruct=reconstruct,
        codes=codes,
    )


def _modules() -> tuple[Any, Any]:
    models, nets = require(PACKAGE, "pythae.models", "pythae.models.nn")
    return models, nets


def _step(theirs: Any, learning_rate: float) -> Any:
    optimizer = adam(theirs.parameters(), learning_rate)

    def step(batch: ImageBatch) -> None:
        loss = theirs({"data": batch.images}).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def _parts(networks: Networks, probabilities: bool = False) -> tuple[nn.Module, nn.Module]:
    """Our layers as its encoder and decoder; its Bernoulli loss wants probabilities."""
    _, nets = _modules()
    (outputs,) = require(PACKAGE, "pythae.models.base.base_utils")

    class Encoder(nets.BaseEncoder):  # type: ignore[name-defined]
        def __init__(self) -> None:
            nets.BaseEncoder.__init__(self)
            self.body = networks.body
            self.head = networks.head
            self.log_variance = networks.log_variance

        def forward(self, images: Tensor) -> Any:
            features = self.body(images)
            output = outputs.ModelOutput(embedding=self.head(features))
            if self.log_variance is not None:
                output["log_covariance"] = self.log_variance(features)
            return output

    class Decoder(nets.BaseDecoder):  # type: ignore[name-defined]
        def __init__(self) -> None:
            nets.BaseDecoder.__init__(self)
            self.body = networks.decoder

        def forward(self, z: Tensor) -> Any:
            pixels = self.body(z)
            return outputs.ModelOutput(
                reconstruction=torch.sigmoid(pixels) if probabilities else pixels
            )

    return Encoder(), Decoder()
