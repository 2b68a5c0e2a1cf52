"""Train a voice: python recipes/train.py experiment=espeak/parallel_gmvae [hydra overrides]."""

import importlib
import sys
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from recipes.configuration import configure, root_of
from tts_vae.audio.mel import MelConfig
from tts_vae.training.data_module import SpeechData
from tts_vae.training.run import train_voice


def prepare_corpus(corpus: DictConfig) -> Path:
    """Obtain and prepare the corpus unless its folder is complete."""
    folder = Path(corpus.dir)
    if not (folder / "corpus.json").exists():
        module = importlib.import_module(f"tts_vae.corpora.{corpus.name}")
        # a folder given as root is there already; otherwise the recordings are made or downloaded
        root = Path(corpus.root) if corpus.root else folder.with_name(folder.name + "-download")
        if corpus.root is None or corpus.name == "espeak":
            root = module.obtain(root, **corpus.obtain)
        module.prepare(root, folder, **corpus.prepare)
    return folder


def prepare_data(config: DictConfig) -> SpeechData:
    """Features of the configured corpus, computed once and cached beside it."""
    return SpeechData(
        prepare_corpus(config.corpus),
        mel=MelConfig(**config.features.mel),
        front_end=config.corpus.front_end,
        f0_tracker=config.features.f0_tracker,
        durations=config.corpus.durations,
        batch_size=config.batch_size,
        seed=config.seed,
    )


def train(overrides: list[str]) -> Path:
    """Train what the overrides describe; returns the folder of the voice, or of the image run."""
    root = root_of(overrides)
    config = configure(overrides, root)
    if root == "image":
        from recipes.train_image import train_image

        return train_image(config)
    data = prepare_data(config)
    config.n_symbols, config.n_speakers = len(data.table), len(data.speakers)
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    objective = instantiate(config.objective, _convert_="all")
    return train_voice(plain, data, objective)


if __name__ == "__main__":
    from tts_vae.cli import main

    sys.exit(main(["train", *sys.argv[1:]]))
