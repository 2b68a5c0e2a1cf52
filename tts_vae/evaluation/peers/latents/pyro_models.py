"""Pyro (Bingham et al. 2019): the VAE as a model and a guide, by its ELBOs and its Renyi bound.

Its argument checks are switched off, which makes it faster. Losses are sums over the batch; Adam
does not mind the factor.
"""

from typing import Any, Literal

from torch import Tensor, nn

from tts_vae.data.images import ImageBatch
from tts_vae.evaluation.peers.latents.contestant import Contestant, named, require
from tts_vae.evaluation.peers.latents.networks import Networks, adam, networks_of
from tts_vae.models.latent_model import LatentModel

PACKAGE = "pyro-ppl"


def variational(
    model: LatentModel,
    learning_rate: float,
    loss: Literal["Trace_ELBO", "TraceMeanField_ELBO", "RenyiELBO"] = "TraceMeanField_ELBO",
    draws: int = 1,
    svi: bool = True,
) -> Contestant:
    """A VAE of Bernoulli pixels under one of Pyro's losses.

    Args:
        model: ours; its layers are copied.
        learning_rate: of Adam.
        loss: "RenyiELBO" is the importance-weighted bound: alpha is 0.
        draws: particles, all in one tensor.
        svi: train by ``SVI.step`` and Pyro's Adam, which is one optimiser for each parameter; else
            by the loss's own ``loss_and_grads`` and the optimiser that everyone else has.
    """
    pyro, infer = require(PACKAGE, "pyro", "pyro.infer")
    networks = networks_of(model)
    theirs = _program(networks)
    extra = {"alpha": 0} if loss == "RenyiELBO" else {}
    many = {"num_particles": draws, "vectorize_particles": True} if draws > 1 else {}
    objective = getattr(infer, loss)(**extra, **many, max_plate_nesting=1)
    if svi:
        inference = infer.SVI(
            theirs.model, theirs.guide, pyro.optim.Adam({"lr": learning_rate}), objective
        )
    optimizer = adam(theirs.parameters(), learning_rate)

    def step(batch: ImageBatch) -> None:
        images = batch.images.flatten(1)
        with pyro.validation_enabled(False):
            if svi:
                inference.step(images)
                return
            optimizer.zero_grad()
            objective.loss_and_grads(theirs.model, theirs.guide, images)
            optimizer.step()

    name = named(PACKAGE, f"SVI {loss}" if svi else loss)
    return Contestant(name, step, theirs, encode=theirs.posterior, decode=networks.decoder)


def _program(networks: Networks) -> Any:
    """Model and guide as Pyro's tutorial on the VAE writes them."""
    pyro, dist = require(PACKAGE, "pyro", "pyro.distributions")
    width = networks.width

    class Program(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            assert networks.log_variance is not None
            self.encoder = nn.ModuleList([networks.body, networks.head, networks.log_variance])
            self.decoder = networks.decoder

        def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
            body, mean, log_variance = self.encoder
            features = body(images)
            return mean(features), (0.5 * log_variance(features)).exp()

        def model(self, images: Tensor) -> None:
            # the parameter store is one for the process: another program has other names
            pyro.module(f"decoder{id(self)}", self.decoder)
            with pyro.plate("images", len(images)):
                mean, scale = images.new_zeros(()), images.new_ones(())
                prior = dist.Normal(mean, scale).expand([len(images), width]).to_event(1)
                z = pyro.sample("z", prior)
                logits = self.decoder(z)
                pyro.sample("pixels", dist.Bernoulli(logits=logits).to_event(1), obs=images)

        def guide(self, images: Tensor) -> None:
            pyro.module(f"encoder{id(self)}", self.encoder)
            with pyro.plate("images", len(images)):
                mean, scale = self.posterior(images)
                pyro.sample("z", dist.Normal(mean, scale).to_event(1))

    return Program()
