"""Tacotron 2 beside its peers, in one process: python -m recipes.benchmark_speech.

Overrides are those of configs/benchmark_speech.yaml. Prints one table, writes metrics.json into
output. Weights are random: speed does not depend on them.
"""

import sys
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import torch
from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table

from recipes.configuration import configure
from tts_vae.cli import run
from tts_vae.corpora.manifests import write_json
from tts_vae.evaluation.side_by_side import interleave, ratio, same_threads
from tts_vae.evaluation.speech_peers.ours import our_tacotron
from tts_vae.evaluation.speech_peers.tacotrons import coqui_tacotron, torchaudio_tacotron
from tts_vae.evaluation.speech_peers.work import pieces
from tts_vae.synthesis.bundle import instantiate

PEERS = {"torchaudio": torchaudio_tacotron, "coqui": coqui_tacotron}


def benchmark(overrides: list[str]) -> dict[str, Any]:
    """Time a training step of everyone in turn; returns what is written."""
    config = configure(overrides, "benchmark_speech")
    unknown = sorted(set(config.peers) - set(PEERS))
    if unknown:
        raise ValueError(f"peers must be among {', '.join(PEERS)}, got {unknown}")
    decoder: Any = OmegaConf.to_container(config.model.decoder, resolve=True)
    decoder["site_widths"] = {}  # no style: the others have none
    torch.manual_seed(0)
    ours = [our_tacotron(instantiate(decoder), each == "bfloat16") for each in config.ours]
    theirs = [PEERS[name](config.n_symbols) for name in config.peers]
    work = pieces(config.rounds, config.batch, config.phones, config.frames)
    with same_threads(config.threads):
        seconds = interleave(dict([*ours, *theirs]), work, config.warm_ups)
    table = Table("Tacotron 2", "ms a step", *(f"time of {name} / theirs" for name, _ in ours))
    rows: dict[str, Any] = {}
    for name, spent in seconds.items():
        ratios = {mine: ratio(seconds[mine], spent) for mine, _ in ours}
        rows[name] = {"ms": 1e3 * median(spent)} | {k: asdict(v) for k, v in ratios.items()}
        cells = (f"{r.value:.2f} ({r.low:.2f}-{r.high:.2f})" for r in ratios.values())
        table.add_row(name, f"{rows[name]['ms']:.0f}", *cells)
    Console(width=120).print(table)
    Path(config.output).mkdir(parents=True, exist_ok=True)
    write_json(Path(config.output) / "metrics.json", rows)
    return rows


if __name__ == "__main__":
    sys.exit(run(lambda: benchmark(sys.argv[1:]) and 0))
