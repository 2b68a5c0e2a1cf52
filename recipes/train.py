"""Train a voice: python recipes/train.py experiment=espeak/parallel_gmvae [hydra overrides]."""

import importlib
import sys
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tts_vae.audio.mel import MelConfig
from tts_vae.training.data_module import SpeechData
from tts_vae.training.run import train_voice

# beside recipes/ in a checkout, inside it where the package was installed from a wheel
CONFIGS = next(
    folder
    for folder in (
        Path(__file__).resolve().parents[1] / "configs",
        Path(__file__).parent / "_configs",
    )
    if folder.is_dir()
)


def configure(overrides: list[str], name: str = "train") -> DictConfig:
    """Compose a configuration.

    Raises:
        ValueError: one line that names the unknown key, group or missing value.
    """
    try:
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            config = compose(name, overrides=overrides)
    except (HydraException, OmegaConfBaseException) as error:
        lines = [line for line in str(error.__cause__ or error).splitlines() if line.strip()]
        raise ValueError(
            f"configuration: {lines[0]}; keys and groups are listed in configs/"
        ) from None
    written = OmegaConf.to_container(OmegaConf.load(CONFIGS / f"{name}.yaml"))
    assert isinstance(written, dict)
    groups = [entry for entry in written.get("defaults", []) if entry != "_self_"]
    known = {key for part in (written, *groups) for key in part}
    unknown = sorted(map(str, set(config) - known))
    if unknown:  # of an experiment file, or added with +
        raise ValueError(f"configuration: unknown keys {unknown}; configs/{name}.yaml has the rest")
    return config


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
    """Train what the overrides describe; returns the voice folder."""
    config = configure(overrides)
    data = prepare_data(config)
    config.n_symbols, config.n_speakers = len(data.table), len(data.speakers)
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    objective = instantiate(config.objective, _convert_="all")
    return train_voice(plain, data, objective)


if __name__ == "__main__":
    from tts_vae.cli import main

    sys.exit(main(["train", *sys.argv[1:]]))
