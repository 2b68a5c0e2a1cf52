"""Speech beside its peers, in one process: python -m recipes.benchmark_speech [parts=[training]].

Overrides are those of configs/benchmark_speech.yaml. Prints a table for each part and writes
metrics.json into output. Weights of others are random: speed does not depend on them.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from recipes.configuration import configure
from tts_vae.cli import run
from tts_vae.corpora.manifests import write_json
from tts_vae.evaluation.peers.side_by_side import interleave, same_threads
from tts_vae.evaluation.peers.speech import speaking, tables, tacotrons, waveforms
from tts_vae.evaluation.peers.speech.lengths import cost_by_length
from tts_vae.evaluation.peers.speech.ours import our_tacotron
from tts_vae.evaluation.peers.speech.processes import run_in_turn
from tts_vae.evaluation.peers.speech.work import pieces
from tts_vae.synthesis.bundle import instantiate
from tts_vae.synthesis.voice import Voice

TRAINERS = {"torchaudio": tacotrons.torchaudio_tacotron, "coqui": tacotrons.coqui_tacotron}
SPEAKERS = {"torchaudio": speaking.torchaudio_speech, "coqui": speaking.coqui_speech}


def training(c: DictConfig) -> Any:
    """A training step of Tacotron 2."""
    ours = dict(our_tacotron(decoder(c), each == "bfloat16") for each in c.ours)
    theirs = dict(TRAINERS[name](c.n_symbols) for name in c.peers)
    work = pieces(c.rounds, c.batch, c.phones, c.frames)
    seconds = interleave(ours | theirs, work, c.warm_ups)
    return tables.times_table("A training step of Tacotron 2", seconds, ours)


def synthesis(c: DictConfig) -> Any:
    """Tacotron 2 speaking freely, one sentence."""
    ours = speaking.our_speech(decoder(c), c.phones, c.frames)
    theirs = [SPEAKERS[name](c.n_symbols, c.frames) for name in c.peers]
    work = pieces(c.rounds, 1, c.phones, c.frames)
    seconds = interleave(dict([ours, *theirs]), work, c.warm_ups)
    return tables.times_table(f"Tacotron 2 speaking, {c.frames} frames", seconds, [ours[0]])


def waveform(c: DictConfig) -> Any:
    """Text to waveform."""
    with TemporaryDirectory() as folder:
        say, missing = waveforms.load_speakers(c.speakers, Path(folder))
        print("\n".join(f"{word} is left out: {why}" for word, why in missing.items()))
        audio = {name: each(c.text) for name, each in say.items()}
        seconds = interleave(say, [c.text] * c.sentence_rounds, c.sentence_warm_ups)
    return tables.times_table(f"{len(c.text)} characters", seconds, [next(iter(say))], audio)


def length(c: DictConfig) -> Any:
    """Cost of our voice by the length of the text."""
    return tables.lengths_table(cost_by_length(Voice.load("espeak"), c.lengths, c.length_rounds))


def process(c: DictConfig) -> Any:
    """Cold starts and peak memory."""
    commands = {name: [sys.executable, *rest] for name, rest in c.processes.items()}
    return tables.processes_table(run_in_turn(commands, c.process_rounds))


PARTS = {part.__name__: part for part in (training, synthesis, waveform, length, process)}


def decoder(c: DictConfig) -> Any:
    """Our Tacotron 2 without a style, which the others do not have."""
    described: Any = OmegaConf.to_container(c.model.decoder, resolve=True)
    torch.manual_seed(0)
    return instantiate(described | {"site_widths": {}})


def benchmark(overrides: list[str]) -> dict[str, Any]:
    """Compare part by part; returns what is written."""
    c = configure(overrides, "benchmark_speech")
    lists: dict[str, Any] = {"parts": PARTS, "peers": TRAINERS, "speakers": waveforms.SPEAKERS}
    for name, known in lists.items():
        if unknown := sorted(set(c[name]) - set(known)):
            raise ValueError(f"{name} must be among {', '.join(known)}, got {unknown}")
    Path(c.output).mkdir(parents=True, exist_ok=True)
    rows: dict[str, Any] = {}
    for part in c.parts:
        with same_threads(c.threads):
            table, rows[part] = PARTS[part](c)
        Console(width=120).print(table)
        write_json(Path(c.output) / "metrics.json", rows)
    return rows


if __name__ == "__main__":
    sys.exit(run(lambda: benchmark(sys.argv[1:]) and 0))
