"""Train an image baseline of the latent core: python recipes/train.py experiment=digits/<name>.

Leaves metrics.json and pictures beside the model, and, where the experiment has a prior over codes,
the prior and what it draws.
"""

import importlib
import json
import time
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from tts_vae.corpora import captions
from tts_vae.corpora.image_corpus import ImageCorpus
from tts_vae.corpora.manifests import write_json
from tts_vae.evaluation.images.figures import draw_figures
from tts_vae.evaluation.images.report import DigitReader, image_report, reading
from tts_vae.training.code_stage import train_code_priors
from tts_vae.training.image_data import ImageData
from tts_vae.training.image_run import train_images


def read_split(corpus: DictConfig, split: str) -> ImageCorpus:
    """A split of the configured corpus; digits come with the package, MNIST lies at its root."""
    module = importlib.import_module(f"tts_vae.corpora.{corpus.name}")
    return module.load(split) if corpus.root is None else module.load(split, corpus.root)


def train_image(config: DictConfig) -> Path:
    """Train what the configuration describes, measure it and draw it; returns the run's folder."""
    output = Path(config.output)
    data = ImageData(
        read_split(config.corpus, config.corpus.splits.train),
        read_split(config.corpus, config.corpus.splits.test),
        config.batch_size,
        config.seed,
        config.binarisation,
        config.dequantisation,
    )
    if config.prior:
        config.n_characters, config.caption_length = len(captions.CHARACTERS), captions.LONGEST
        config.code_count = config.corpus.grid[0] * config.corpus.grid[1]
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    spent = Stopwatch(output)
    model = train_images(plain, data, instantiate(config.objective, _convert_="all"))
    spent.note("training")
    evaluation = dict(plain["evaluation"])
    each = evaluation.pop("drawn_of_each")
    drawn: dict[str, torch.Tensor] = {}
    asked = torch.arange(config.corpus.classes).repeat_interleave(each)
    metrics: dict[str, Any] = {"experiment": config.name, "steps": config.steps}
    if config.prior:
        priors = train_code_priors(model, data, plain["prior"], output, config.seed)
        drawn["asked"] = priors.sample(asked, seed=config.seed)
        metrics["nats_per_code"] = priors.nats_per_code
        spent.note("prior")
    elif getattr(model.decoder, "classes", 0):
        z = model.sites["z"].sample(
            (), condition=asked, generator=torch.Generator().manual_seed(config.seed)
        )
        drawn["asked"] = model.decoder.generate({"z": z}, asked)  # type: ignore[operator]
    metrics |= image_report(model, data, **evaluation, seed=config.seed)
    if drawn:
        reader = DigitReader(data.train.images, data.train.labels)
        metrics["read_as_asked"] = reading(reader, data, drawn, asked)
        drawn = {name: images[:: max(1, each // 10)] for name, images in drawn.items()}
    draw_figures(model, data, output, drawn, config.seed)
    spent.note("evaluation")
    write_json(output / "metrics.json", metrics | {"seconds": spent.seconds})
    return output


class Stopwatch:
    """Seconds of each stage of a run, kept over interruptions."""

    def __init__(self, output: Path) -> None:
        output.mkdir(parents=True, exist_ok=True)
        self.path = output / "seconds.json"
        self.seconds = json.loads(self.path.read_text()) if self.path.is_file() else {}
        self.start = time.monotonic()

    def note(self, stage: str) -> None:
        """Add what has passed since the last note to a stage."""
        now = time.monotonic()
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + now - self.start, 1)
        self.start = now
        write_json(self.path, self.seconds)
