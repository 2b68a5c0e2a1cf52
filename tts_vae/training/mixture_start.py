"""Where a mixture prior starts: clusters of what the encoder sees or says, found once."""

from collections.abc import Iterable
from typing import Any, Literal

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from tts_vae.classical.graph_clusters import graph_clusters
from tts_vae.classical.mixture_em import GaussianMixture
from tts_vae.latents.mixture import MixtureLatent
from tts_vae.training.site_values import posterior_means

Parameters = tuple[Tensor, Tensor, Tensor]
"""Means, standard deviations and weights of a mixture."""


class MixtureStart(Callback):
    """Start a mixture prior by clustering, after some steps as a plain auto-encoder.

    VaDE (Jiang et al. 2017, arXiv 1611.05148, 3.2): train as an auto-encoder first, fit a mixture
    to the codes, then open the KL. Without it one component tends to win everything.

    Args:
        step: optimiser step at which the mixture is set.
        clusters: "mixture" fits the codes by EM; "graph" finds groups in the graph of nearest
            neighbours and gives every component the mean and the spread of a group's codes.
        graph_of: what neighbours are near in: "codes", or "observations" of one size.
        neighbours: of each item in the graph.
        items: how many the start looks at, about; a graph of many takes long.
        seed: of the fit.

    Raises:
        ValueError: on an unknown option.
    """

    def __init__(
        self,
        step: int = 300,
        clusters: Literal["mixture", "graph"] = "mixture",
        graph_of: Literal["codes", "observations"] = "codes",
        neighbours: int = 10,
        items: int = 2000,
        seed: int = 0,
    ) -> None:
        for name, given, valid in (
            ("clusters", clusters, ("mixture", "graph")),
            ("graph_of", graph_of, ("codes", "observations")),
        ):
            if given not in valid:
                raise ValueError(f"mixture_start.{name} must be one of {valid}, got {given!r}")
        self.step = step
        self.clusters = clusters
        self.graph_of = graph_of
        self.neighbours = neighbours
        self.items = items
        self.seed = seed

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: Any, batch: Any, batch_idx: int
    ) -> None:
        """Fit once, exactly at ``step``."""
        if trainer.global_step != self.step:
            return
        mixtures = {n: x for n, x in module.model.sites.items() if isinstance(x, MixtureLatent)}
        if not mixtures:
            return
        # a loader of its own: the one in use must not lose its place
        batches = _first(trainer.datamodule.train_dataloader(), self.items)  # type: ignore[attr-defined]
        means = posterior_means(module, batches, self.items)
        for name, latent in mixtures.items():
            codes = torch.from_numpy(means[name]).double()
            if self.clusters == "mixture":
                fitted = self._by_mixture(codes, latent.components)
            else:
                fitted = self._by_graph(codes, latent.components, batches)
            # each process has fitted its share of the corpus; the first one's fit is for all
            shared = trainer.strategy.broadcast(fitted)
            latent.initialise(*(x.float().to(module.device) for x in shared))

    def _by_mixture(self, codes: Tensor, components: int) -> Parameters:
        spread = float(codes.var(0, correction=0).mean())
        fit = GaussianMixture(
            components,
            "diagonal",
            regularisation=1e-3 * spread + 1e-6,
            tolerance=1e-3,
            max_iterations=50,
            restarts=2,
            seed=self.seed,
        ).fit(codes)
        assert fit.means is not None and fit.covariances is not None and fit.weights is not None
        return fit.means, fit.covariances.sqrt(), fit.weights

    def _by_graph(self, codes: Tensor, components: int, batches: list[Any]) -> Parameters:
        points = codes
        if self.graph_of == "observations":
            points = torch.cat([batch.observation.flatten(1) for batch in batches]).cpu()
        labels = graph_clusters(points, components, neighbours=self.neighbours, seed=self.seed)
        groups = [codes[labels == component] for component in range(components)]
        spread = [group.var(0, correction=0).clamp(min=1e-6).sqrt() for group in groups]
        weights = torch.tensor([len(group) / len(codes) for group in groups])
        return torch.stack([group.mean(0) for group in groups]), torch.stack(spread), weights


def _first(batches: Iterable[Any], items: int) -> list[Any]:
    """The first batches, until they hold about so many items."""
    found: list[Any] = []
    seen = 0
    for batch in batches:
        found.append(batch)
        seen += len(batch.observation)
        if seen >= items:
            break
    return found
