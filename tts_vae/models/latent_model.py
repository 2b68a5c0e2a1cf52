"""Encoder + named latents + conditional likelihood: the one shape image and speech models share.

A text-to-speech model is a conditional likelihood p(mels, durations, pitch, energy | phones, z);
an image model is p(pixels | z). Both are a :class:`LatentModel` whose parts are injected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from tts_vae.latents.contract import Latent, LatentOutput
from tts_vae.models.site import infer_site


class Batch(Protocol):
    """What a model needs to know of a batch.

    Attributes:
        observation: what the encoders see, (batch, steps, features), or (batch, channels, height,
            width) of an image.
        observation_mask: (batch, steps) bool, True on real steps; None where nothing is padding.
    """

    @property
    def observation(self) -> Tensor: ...  # noqa: D102

    @property
    def observation_mask(self) -> Tensor | None: ...  # noqa: D102


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
    predictions: Mapping[str, Tensor]


class LatentModel(nn.Module):
    """A conditional latent-variable model made of injected parts.

    Sites run in the order of ``latents``. Where it has them, an encoder's ``recognition(batch) ->
    {name: (batch,) nats}`` (what it learns besides) joins the likelihood, and
    ``fit_statistics(batches)`` of encoders and decoder is called before training.

    Args:
        encoders: site -> module ``(observation, mask) -> features (batch, *steps, width)``. That of
            a site with parents takes a third argument, {parent: z (batch, *steps, width)}; that of
            a site in ``encoder_conditions`` takes a keyword ``condition`` (batch,).
        latents: site -> :class:`Latent`; the same keys as ``encoders``.
        decoder: module ``(batch, {site: z}) -> (terms, predictions)`` with terms (*samples, batch).
        conditions: site -> name of the batch attribute that conditions its prior.
        parents: site -> earlier sites that it depends on: its encoder reads their z, and so does
            its prior, as ``context`` (side by side, spread over the site's own steps).
        encoder_conditions: site -> name of the batch attribute that its encoder reads besides: the
            y of q(z | x, y).

    Raises:
        ValueError: if the sites of the parts do not match, or a parent does not come earlier.
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        latents: Mapping[str, Latent],
        decoder: nn.Module,
        conditions: Mapping[str, str] | None = None,
        parents: Mapping[str, Sequence[str]] | None = None,
        encoder_conditions: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        if set(encoders) != set(latents):
            raise ValueError(f"encoders for {sorted(encoders)} but latents for {sorted(latents)}")
        self.conditions = dict(conditions or {})
        self.parents = {site: tuple(above) for site, above in (parents or {}).items() if above}
        self.encoder_conditions = dict(encoder_conditions or {})
        for option in ("conditions", "parents", "encoder_conditions"):
            unknown = sorted(set(getattr(self, option)) - set(latents))
            if unknown:
                raise ValueError(f"{option} name unknown sites {unknown}; sites: {sorted(latents)}")
        order = list(latents)
        for site, above in self.parents.items():
            late = [name for name in above if name not in order[: order.index(site)]]
            if late:
                raise ValueError(
                    f"parents of {site!r} must be among the sites declared before it, "
                    f"{order[: order.index(site)]}, got {late}; reorder latents"
                )
        self.encoders = nn.ModuleDict(encoders)
        self.latents = nn.ModuleDict(latents)
        self.decoder = decoder
        self._recognising = [
            name for name, part in encoders.items() if hasattr(part, "recognition")
        ]

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
            if hasattr(part, "fit_statistics"):
                part.fit_statistics(batches)  # type: ignore[operator]

    def infer(
        self,
        observation: Tensor,
        mask: Tensor | None = None,
        conditions: Mapping[str, Tensor] | None = None,
        *,
        encoder_conditions: Mapping[str, Tensor] | None = None,
        sample_shape: Sequence[int] = (),
        values: Mapping[str, Tensor] | None = None,
        mode: Literal["sample", "mean"] = "sample",
    ) -> dict[str, LatentOutput]:
        """Posterior, prior and a value of every site.

        Under sample dimensions the features of a site with parents differ from draw to draw: its
        posterior and prior have batch shape (samples * batch, *steps), its codes and kl_per_dim
        (*samples, batch, ...), and its kl and penalties are means over the draws.

        Args:
            observation: (batch, steps, features), or images (batch, channels, height, width).
            mask: (batch, steps) bool, or None.
            conditions: site -> condition of its prior.
            encoder_conditions: site -> condition of its encoder (batch,).
            sample_shape: leading sample dimensions of z.
            values: site -> z that clamps the site (a chosen style, a swap, a traversal).
            mode: draw from the posterior or take its mean.

        Raises:
            ValueError: if an encoder's condition is missing.
        """
        given = encoder_conditions or {}
        if set(given) != set(self.encoder_conditions):
            raise ValueError(
                f"encoder_conditions expected for the sites {sorted(self.encoder_conditions)}, "
                f"got {sorted(given)}; pass one tensor (batch,) for each"
            )
        outputs: dict[str, LatentOutput] = {}
        for name, latent in self.sites.items():
            above = {parent: outputs[parent].z for parent in self.parents.get(name, ())}
            outputs[name] = infer_site(
                self.encoders[name],
                latent,
                observation,
                mask,
                above,
                condition=(conditions or {}).get(name),
                encoder_condition=given.get(name),
                sample_shape=sample_shape,
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
        sites = self.infer(
            batch.observation,
            batch.observation_mask,
            {site: getattr(batch, name) for site, name in self.conditions.items()},
            encoder_conditions={
                site: getattr(batch, name) for site, name in self.encoder_conditions.items()
            },
            sample_shape=sample_shape,
            values=values,
            mode=mode,
        )
        terms, predictions = self.decoder(batch, {name: out.z for name, out in sites.items()})
        terms = dict(terms)
        for name in self._recognising:
            recognised = self.encoders[name].recognition(batch)  # type: ignore[operator]
            for term, value in recognised.items():
                value = value.expand_as(next(iter(terms.values())))
                terms[term] = terms[term] + value if term in terms else value
        return ModelOutput(reduce(add, terms.values()), sites, terms, predictions)
