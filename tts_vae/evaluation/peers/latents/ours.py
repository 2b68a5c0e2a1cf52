"""Our own side: a latent model with its objective, a quantiser alone, mixture EM, PPCA."""

import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from tts_vae.classical.mixture_em import GaussianMixture
from tts_vae.classical.ppca import ProbabilisticPCA
from tts_vae.data.images import ImageBatch
from tts_vae.evaluation.peers.latents.contestant import Contestant, Mixture
from tts_vae.evaluation.peers.latents.networks import adam
from tts_vae.latents.code_latent import CodeLatent
from tts_vae.models.latent_model import LatentModel
from tts_vae.objectives.contract import Objective
from tts_vae.training.optimizer import FusedAdamW

OURS = "ours"


def latent_model(
    model: LatentModel,
    objective: Objective,
    draws: int,
    learning_rate: float,
    fused: bool = True,
) -> Contestant:
    """A model of one site "z", trained as training/module.py does.

    Args:
        model: to be trained.
        objective: of the training.
        draws: of z for each example.
        learning_rate: of Adam.
        fused: whether Adam is that of our trainers, without decay, or as torch chooses.
    """
    parameters = model.parameters()
    optimizer = (
        FusedAdamW(parameters, lr=learning_rate, weight_decay=0.0)
        if fused
        else adam(parameters, learning_rate)
    )
    sample_shape = (draws,) if draws > 1 else ()
    steps = 0

    def step(batch: ImageBatch) -> None:
        nonlocal steps
        output = model(batch, sample_shape=sample_shape)
        loss = objective(output.log_likelihood, output.sites, steps).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1

    def posterior(images: Tensor) -> tuple[Tensor, Tensor]:
        found = model.infer(images, mode="mean")["z"].posterior
        assert isinstance(found, Independent) and isinstance(found.base_dist, Normal)
        return found.base_dist.loc, found.base_dist.scale

    def logits(z: Tensor) -> Tensor:
        return model.decoder.locations({"z": z}, None)  # type: ignore[operator]

    def reconstruct(images: Tensor) -> Tensor:
        z = model.infer(images, mode="mean")["z"].z
        return model.decoder.generate({"z": z})  # type: ignore[operator]

    def codes(images: Tensor) -> Tensor:
        found = model.infer(images)["z"].codes
        assert found is not None
        return found.flatten(1, 2)

    latent = model.sites["z"]
    if isinstance(latent, CodeLatent):
        return Contestant(OURS, step, model, reconstruct=reconstruct, codes=codes)
    if latent.posterior(torch.zeros(1, latent.feature_width)) is None:
        return Contestant(OURS, step, model, reconstruct=reconstruct)
    return Contestant(OURS, step, model, encode=posterior, decode=logits)


def quantizer(latent: CodeLatent, commitment: float = 0.25) -> Contestant:
    """A quantiser of features (batch, steps, width) alone; its step has no optimiser."""

    def step(features: Tensor) -> None:
        rows = features.detach().requires_grad_()
        found = latent(rows)
        (found.z.square().sum() + commitment * found.penalties["commitment"].sum()).backward()

    return Contestant(
        OURS,
        step,
        latent,
        reconstruct=lambda features: latent(features).z,
        codes=lambda features: latent(features).codes,
    )


def mixture(
    weights: Tensor, means: Tensor, covariances: Tensor, iterations: int, regularisation: float
) -> Contestant:
    """Mixture EM with full covariances for a given number of steps."""
    fitted: list[GaussianMixture] = []

    def step(points: Tensor) -> None:
        fit = GaussianMixture(
            len(weights), tolerance=0.0, max_iterations=iterations, regularisation=regularisation
        )
        precisions = torch.linalg.inv(covariances)
        fitted[:] = [fit.fit(points, weights=weights, means=means, precisions=precisions)]

    def found() -> Mixture:
        (fit,) = fitted
        assert fit.weights is not None and fit.means is not None and fit.covariances is not None
        return fit.weights, fit.means, fit.covariances

    return Contestant(OURS, step, mixture=found)


def principal_components(latents: int) -> Contestant:
    """Probabilistic PCA in closed form, fitted and scored."""
    fitted: list[ProbabilisticPCA] = []

    def step(points: Tensor) -> None:
        fit = ProbabilisticPCA(latents).fit(points)
        fit.score(points)
        fitted[:] = [fit]

    def found() -> Mixture:
        (fit,) = fitted
        assert fit.mean is not None and fit.loadings is not None and fit.noise_variance is not None
        covariance = fit.loadings @ fit.loadings.T
        covariance.diagonal().add_(fit.noise_variance)
        return torch.ones(1), fit.mean[None], covariance[None]

    return Contestant(OURS, step, mixture=found)
