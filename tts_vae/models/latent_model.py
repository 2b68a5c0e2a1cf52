"""Encoder + named latents + conditional likelihood: the one shape image and speech models share.

A text-to-speech model is a conditional likelihood p(mels, durations, pitch, energy | phones, z);
an image model is p(pixels | z). Both are a :class:`LatentModel` whose parts are injected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from tts_vae.latents.contract import Latent, LatentOutput


class Batch(Protocol):
    """What a model needs to know of a batch.

    Attributes:
        observation: (batch, steps, features) what the encoders see.
        observation_mask: (batch, steps) bool, True on real steps.
    """

    @property
    def observation(self) -> Tensor: ...  # noqa: D102

    @property
    def observation_mask(self) -> Tensor: ...  # noqa: D102


@dataclass
class ModelOutput:
    """Outcome of one forward pass.

    Attributes:
        log_likelihood: (*samples, batch) nats.
        sites: one :class:`LatentOutput` per named latent.
        terms: additive parts of ``log_likelihood``, each (*samples, batch) nats.
        predictions: what the decoder predicted, for plots and error reports.
    """

    log_likelihood: Tensor
    sites: dict[str, LatentOutput]
    terms: dict[str, Tensor]
    predictions: dict[str, Tensor]


class LatentModel(nn.Module):
    """A conditional latent-variable model made of injected parts.

    Args:
        encoders: site -> module ``(observation, mask) -> features (batch, *steps, width)`` with
            ``recognition(batch) -> {name: (batch,) nats}``, what it learns besides.
        latents: site -> :class:`Latent`; the same keys as ``encoders``.
        decoder: module ``(batch, {site: z}) -> (terms, predictions)`` with terms (*samples, batch).
        conditions: site -> name of the batch attribute that conditions its prior.

    Raises:
        ValueError: if the sites of encoders, latents and conditions do not match.
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        latents: Mapping[str, Latent],
        decoder: nn.Module,
        conditions: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        if set(encoders) != set(latents):
            raise ValueError(f"encoders for {sorted(encoders)} but latents for {sorted(latents)}")
        self.conditions = dict(conditions or {})
        unknown = sorted(set(self.conditions) - set(latents))
        if unknown:
            raise ValueError(f"conditions name unknown sites {unknown}; sites: {sorted(latents)}")
        self.encoders = nn.ModuleDict(encoders)
        self.latents = nn.ModuleDict(latents)
        self.decoder = decoder

    @property
    def sites(self) -> dict[str, Latent]:
        """The latents by site name."""
        return dict(self.latents.items())  # type: ignore[arg-type]

    def fit_statistics(self, batches: Sequence[Any]) -> None:
        """Let decoder and encoders set their units from data; call once before training.

        Args:
            batches: a few batches of the training split.
        """
        for part in (self.decoder, *self.encoders.values()):
            part.fit_statistics(batches)  # type: ignore[operator]

    def infer(
        self,
        observation: Tensor,
        mask: Tensor,
        conditions: Mapping[str, Tensor] | None = None,
        *,
        sample_shape: Sequence[int] = (),
        values: Mapping[str, Tensor] | None = None,
        mode: Literal["sample", "mean"] = "sample",
    ) -> dict[str, LatentOutput]:
        """Posterior, prior and a value of every site.

        Args:
            observation: (batch, steps, features).
            mask: (batch, steps) bool.
            conditions: site -> condition of its prior.
            sample_shape: leading sample dimensions of z.
            values: site -> z that clamps the site (a chosen style, a swap, a traversal).
            mode: draw from the posterior or take its mean.
        """
        outputs = {}
        for name, latent in self.sites.items():
            features = self.encoders[name](observation, mask)
            outputs[name] = latent(
                features,
                condition=(conditions or {}).get(name),
                sample_shape=tuple(sample_shape),
                value=(values or {}).get(name),
                mode=mode,
            )
        return outputs

    def forward(
        self,
        batch: Batch,
        *,
        sample_shape: Sequence[int] = (),
        values: Mapping[str, Tensor] | None = None,
        mode: Literal["sample", "mean"] = "sample",
    ) -> ModelOutput:
        """Log-likelihood of the batch and the outcome of every site, in nats per example."""
        conditions = {site: getattr(batch, name) for site, name in self.conditions.items()}
        sites = self.infer(
            batch.observation,
            batch.observation_mask,
            conditions,
            sample_shape=sample_shape,
            values=values,
            mode=mode,
        )
        terms, predictions = self.decoder(batch, {name: out.z for name, out in sites.items()})
        terms = dict(terms)
        total = torch.stack(list(terms.values())).sum(0)
        for encoder in self.encoders.values():
            for name, value in encoder.recognition(batch).items():  # type: ignore[operator]
                terms[name] = terms.get(name, 0.0) + value.expand_as(total)
        log_likelihood = torch.stack(list(terms.values())).sum(0)
        return ModelOutput(log_likelihood, sites, terms, predictions)
