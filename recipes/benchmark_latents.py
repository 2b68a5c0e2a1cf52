"""The latent core beside its peers, in one process: python -m recipes.benchmark_latents.

Overrides are those of configs/benchmark_latents.yaml. Needs the extra `bench`. Prints one table and
writes metrics.json into output.
"""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from recipes.configuration import configure
from recipes.train_image import read_split
from tts_vae.cli import run
from tts_vae.corpora.manifests import write_json
from tts_vae.evaluation.peers.latents.comparison import COLUMNS, Comparison, choose, compare
from tts_vae.evaluation.peers.latents.contestant import Contestant
from tts_vae.evaluation.peers.latents.ours import latent_model
from tts_vae.evaluation.peers.latents.work import Images, Work
from tts_vae.evaluation.peers.side_by_side import same_threads
from tts_vae.training.image_data import ImageData


def model_lineup(config: DictConfig, row: DictConfig, seed: int) -> tuple[Work, list[Contestant]]:
    """The model of an experiment and what other libraries make of its layers."""
    root = [f"corpus.root={config.corpus.root}"] if config.corpus.root else []
    experiment = [f"experiment={config.corpus.name}/{row.experiment}", *root]
    experiment += row.get("overrides", [])
    c = configure(experiment, "image")
    train, test = (read_split(c.corpus, c.corpus.splits[name]) for name in ("train", "test"))
    work = Images(ImageData(train, test, c.batch_size, seed, c.binarisation, c.dequantisation))

    def ours(settings: Sequence[str] = ()) -> tuple[Any, Contestant]:
        c = configure([*experiment, *settings], "image")
        torch.manual_seed(seed)
        model = instantiate(c.model, _convert_="all")
        model.fit_statistics(work.data.sample_batches())
        objective = instantiate(c.objective, _convert_="all")
        step = (c.draws, c.optimizer.learning_rate, config.fused)
        return model, latent_model(model, objective, *step)

    def theirs(peer: DictConfig, settings: Any = None) -> Contestant:
        build = instantiate({k: v for k, v in peer.items() if k != "settings"}, _partial_=True)
        return build(ours()[0], c.optimizer.learning_rate, **(settings or {}))

    def tuned(build: Any, options: Sequence[Any]) -> Contestant:
        chosen = choose([partial(build, each) for each in options], work, config.steps.tuning)
        return build(options[chosen])

    mine = tuned(lambda settings: ours(settings)[1], row.get("settings", [[]]))
    return work, [mine, *(tuned(partial(theirs, p), p.get("settings", [{}])) for p in row.peers)]


def plain_lineup(row: DictConfig, seed: int) -> tuple[Work, list[Contestant]]:
    """A part alone, or a fit."""
    torch.manual_seed(seed)
    work = instantiate(row.work, seed=seed)
    given = [instantiate(row.latent)] if "latent" in row else work.start
    return work, [instantiate(each, _partial_=True)(*given) for each in (row.ours, *row.peers)]


def benchmark(overrides: list[str]) -> list[Comparison]:
    """Compare row by row; returns all comparisons."""
    config = configure(overrides, "benchmark_latents")
    if config.quick:
        config.merge_with(config.quickly)
    table = Table(*COLUMNS, title=f"{config.threads} threads, interleaved, medians")
    found: list[Comparison] = []
    with same_threads(config.threads):
        for name in config.only or config.rows:
            row = config.rows[name]
            build = partial(model_lineup, config) if "experiment" in row else plain_lineup
            found += compare(
                name,
                partial(build, row),
                row.steps,
                row.get("warm_ups", config.warm_ups),
                row.get("seeds", [config.seed]),
                config.draws,
                config.chunk,
            )
    for comparison in found:
        table.add_row(*comparison.cells())
    Console(width=120).print(table)  # as wide in a file as on a terminal
    output = Path(config.output)
    output.mkdir(parents=True, exist_ok=True)
    write_json(output / "metrics.json", {"rows": [each.as_dict() for each in found]})
    return found


if __name__ == "__main__":
    sys.exit(run(lambda: benchmark(sys.argv[1:]) and 0))
