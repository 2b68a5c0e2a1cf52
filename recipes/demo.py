"""A voice from nothing, to listen to: python recipes/demo.py [steps=600 folder=runs/demo ...].

Speaks a corpus, trains a voice on it for a few minutes, and writes a page with players, pictures
and measurements. Run it again and it continues where it was interrupted; the values and their
meanings are in configs/demo.yaml.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from recipes.train import configure, prepare_data, train
from tts_vae.cli import run
from tts_vae.corpora.manifests import write_json
from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.evaluation.pages.demo import demonstrate


def demo(overrides: list[str]) -> None:
    """Make the demonstration that the overrides of configs/demo.yaml describe."""
    config = configure(overrides, "demo")
    folder = Path(config.folder)
    voice = folder / "train" / "voice"
    arguments = [
        *config.training,
        f"steps={config.steps}",
        f"seed={config.seed}",
        f"output='{folder / 'train'}'",
        "resume=true",
    ]
    training = configure(arguments)
    Judge.load(training.corpus.name)  # a missing judge is better found now than after the training
    claim(folder, config)
    if not (voice / "config.yaml").is_file():
        print(f"1/3 the corpus {training.corpus.dir} and its features", flush=True)
        with stopwatch(folder, "corpus and features"):
            prepare_data(training)
        print(f"2/3 training for {config.steps} steps", flush=True)
        with stopwatch(folder, "training"):
            train(arguments)
    print("3/3 speaking and measuring", flush=True)
    tool = Path(sys.executable).with_name("tts-vae")
    program = str(tool.relative_to(Path.cwd()) if tool.is_relative_to(Path.cwd()) else tool.name)
    made = demonstrate(
        voice,
        Path(training.corpus.dir),
        folder,
        text=config.text,
        held_out=config.held_out,
        mapped=config.mapped,
        seed=config.seed,
        f0_tracker=training.features.f0_tracker,
        spent_s=json.loads((folder / "seconds.json").read_text()),
        program=program,
        listen_to=config.listen_to,
    )
    print(f"\nListen: open {made.page} in a browser.\n\nTry next:")
    print("\n".join(f"  {command}" for command in made.commands))


def claim(folder: Path, config: DictConfig) -> None:
    """Note in the folder what its voice is trained with, or check that it is the same."""
    path = folder / "settings.json"
    wanted = OmegaConf.to_container(OmegaConf.masked_copy(config, ["training", "steps", "seed"]))
    found = json.loads(path.read_text()) if path.is_file() else wanted
    if found != wanted:
        raise ValueError(
            f"expected {folder} empty or with the settings {wanted}, got a demo with {found}; "
            "delete it, or choose another: folder=runs/other"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_json(path, wanted)  # type: ignore[arg-type]


@contextmanager
def stopwatch(folder: Path, what: str) -> Iterator[None]:
    """Add the seconds that something takes to those noted in the folder, interrupted or not."""
    path, start = folder / "seconds.json", time.monotonic()
    try:
        yield
    finally:
        spent = json.loads(path.read_text()) if path.is_file() else {}
        spent[what] = spent.get(what, 0.0) + time.monotonic() - start
        write_json(path, spent)


if __name__ == "__main__":
    sys.exit(run(lambda: demo(sys.argv[1:])))
