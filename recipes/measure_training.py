"""What training costs here: python -m recipes.measure_training [overrides].

Steps a second, peak memory, and FLOPs beside what the device can do, for every experiment of
configs/measure_training.yaml. Batches are random and of one size: no corpus is needed. Prints a
table and writes metrics.json into output.
"""

import platform
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from recipes.configuration import configure
from tts_vae.cli import run
from tts_vae.corpora.manifests import write_json
from tts_vae.synthesis.bundle import instantiate as build
from tts_vae.training.module import LatentModule
from tts_vae.training.step_cost import StepCost, choose_device, random_speech, step_cost


def measure_one(c: DictConfig, experiment: str, device: str, bfloat16: bool) -> StepCost:
    """Build an experiment as its training would, and time its steps."""
    speakers = 1 if experiment.startswith("ljspeech/") else 8
    known = [f"n_symbols={c.n_symbols}", f"n_speakers={speakers}"]
    config = configure([f"experiment={experiment}", *known, *c.overrides])
    plain: Any = OmegaConf.to_container(config, resolve=True)
    torch.manual_seed(c.seed)
    objective = instantiate(config.objective, _convert_="all")
    module = LatentModule(build(plain["model"]), objective, **plain["optimizer"])
    items = c.batch_size or plain["batch_size"]
    mel = plain["features"]["mel"]
    sizes = (items, c.phones, c.frames, mel["n_mels"], c.n_symbols, speakers)
    batch = random_speech(*sizes, seed=c.seed)
    frame_s = mel["hop_length"] / mel["sample_rate"]
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(experiment, total=c.warm_ups + c.steps)
        return step_cost(
            module, batch, frame_s, device, bfloat16, c.steps, c.warm_ups,
            note=lambda step: progress.update(task, completed=step + 1),
        )  # fmt: skip


def measure(overrides: list[str]) -> dict[str, Any]:
    """Measure experiment by experiment; returns what is written."""
    c = configure(overrides, "measure_training")
    device, bfloat16 = choose_device(c.device, c.precision)
    name = torch.cuda.get_device_name() if device == "cuda" else platform.machine()
    rows: dict[str, Any] = {"device": name, "precision": "bfloat16" if bfloat16 else "float32"}
    rows |= {"threads": torch.get_num_threads(), "torch": torch.__version__}
    rows |= {"phones": c.phones, "frames": c.frames, "experiments": {}}
    heads = ("", "steps/s", "s of speech/s", "GFLOP a step", "TFLOP/s", "of a product")
    table = Table(*heads, "of the maker's", "MB", title=f"{name}, {rows['precision']}")
    for experiment in c.experiments:
        cost = measure_one(c, experiment, device, bfloat16)
        share = cost.tflops / c.peak_tflops if c.peak_tflops else None
        rows["experiments"][experiment] = asdict(cost) | {"maker_utilisation": share}
        table.add_row(
            experiment,
            f"{cost.steps_per_s:.2f}",
            f"{cost.audio_per_s:.0f}",
            f"{cost.gflop:.0f}",
            f"{cost.tflops:.3f}",
            f"{100 * cost.utilisation:.1f} %",
            f"{100 * share:.1f} %" if share else "",
            f"{cost.peak_memory_mb:.0f}",
        )
        Path(c.output).mkdir(parents=True, exist_ok=True)
        write_json(Path(c.output) / "metrics.json", rows)
    Console(width=120).print(table)
    return rows


if __name__ == "__main__":
    sys.exit(run(lambda: measure(sys.argv[1:]) and 0))
