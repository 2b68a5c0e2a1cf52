"""Fit a classical density: python recipes/fit_classical.py model=gaussian|gmm|ppca corpus=digits.

Leaves metrics.json (nats per image; clustering of a mixture) and pictures in the output folder.
"""

import re
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra.utils import instantiate
from torch import Tensor

from recipes.configuration import configure
from recipes.train_image import read_split
from tts_vae.classical import GaussianMixture, ProbabilisticPCA
from tts_vae.cli import run
from tts_vae.corpora.image_corpus import ImageCorpus
from tts_vae.corpora.manifests import write_json
from tts_vae.evaluation.images.figures import sheet
from tts_vae.evaluation.images.report import cluster_accuracy
from tts_vae.evaluation.measures.clustering import cluster_agreement
from tts_vae.evaluation.pages.listening_figures import save_png


def points_of(corpus: ImageCorpus, noise: np.random.Generator | None) -> Tensor:
    """Pixels (n, width) float64; with noise, spread over the grey level that each stands for."""
    steps = corpus.levels - 1
    grey = (corpus.images.double() * steps).round().flatten(1)
    if noise is not None:
        grey = grey + torch.from_numpy(noise.random(tuple(grey.shape)))
    return grey / steps


def clusters_of(fit: GaussianMixture, points: Tensor, corpus: ImageCorpus) -> dict[str, float]:
    """Agreement of the most responsible components with the labels, which EM never saw."""
    chosen = fit.responsibilities(points).argmax(1)
    agreement = cluster_agreement(chosen.tolist(), corpus.labels.tolist())
    accuracy = cluster_accuracy(chosen, corpus.labels)
    return {"accuracy": accuracy, "nmi": agreement.nmi, "ari": agreement.ari}


def fit_classical(overrides: list[str]) -> Path:
    """Fit what the overrides describe; returns the output folder."""
    # the group of image corpora lands in "corpus", but hydra wants its full name
    chosen = [re.sub("^corpus=", "image/corpus@corpus=", override) for override in overrides]
    config = configure(chosen, "classical")
    if config.model not in config.models:
        known = ", ".join(config.models)
        raise ValueError(f"model must be one of {known}, got {config.model!r}; choose one")
    splits = [config.corpus.splits.train, config.corpus.splits.test]
    corpora = [read_split(config.corpus, split) for split in splits]
    # one source for both splits, the training images first: the published protocol
    noise = np.random.default_rng(config.seed) if config.dequantisation else None
    train, test = (points_of(corpus, noise) for corpus in corpora)
    start = time.monotonic()
    fit = instantiate(config.models[config.model]).fit(train)
    metrics: dict[str, Any] = {
        "command": " ".join(["python recipes/fit_classical.py", *overrides]),
        "seconds": time.monotonic() - start,
        "log_likelihood_nats": {"train": fit.score(train), "test": fit.score(test)},
    }
    shape = corpora[0].shape
    generator = torch.Generator().manual_seed(config.seed)
    drawn = fit.sample(config.samples, generator).reshape(-1, *shape)
    figures = {"samples": sheet(drawn, 10, f"draws from {config.model}")}
    if isinstance(fit, GaussianMixture):
        pairs = zip(splits, (train, test), corpora, strict=True)
        metrics["clusters"] = {name: clusters_of(fit, x, corpus) for name, x, corpus in pairs}
        metrics |= {"iterations": fit.iterations, "converged": fit.converged}
        assert fit.means is not None and fit.weights is not None
        means = fit.means[fit.weights.argsort(descending=True)].reshape(-1, *shape)
        figures["means"] = sheet(means, 10, "means of the components, heaviest first")
    elif isinstance(fit, ProbabilisticPCA):
        assert fit.loadings is not None
        columns = fit.loadings.T / fit.loadings.abs().amax(0)[:, None]
        title = "columns of W; grey is 0"
        figures["components"] = sheet(0.5 + columns.reshape(-1, *shape) / 2, 4, title)
    else:
        figures["means"] = sheet(fit.mean.reshape(1, *shape), 1, "mean")
    output = Path(config.output)
    output.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        save_png(figure, output / f"{name}.png")
    write_json(output / "metrics.json", metrics)
    return output


if __name__ == "__main__":
    sys.exit(run(lambda: fit_classical(sys.argv[1:])))
