"""Find durations for a corpus: python recipes/align.py corpus=ljspeech corpus.root=PATH."""

import json
import sys
from pathlib import Path

from recipes.train import configure, prepare_corpus
from tts_vae.audio.mel import MelConfig
from tts_vae.cli import run
from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.evaluation.listeners.judge_training import save_judge
from tts_vae.training.corpus_alignment import find_durations, store_durations
from tts_vae.training.data_module import SpeechData


def align(overrides: list[str]) -> Path:
    """Train the configured aligner and store its durations; returns their file."""
    config = configure(overrides, "align")
    folder = prepare_corpus(config.corpus)
    data = SpeechData(
        folder,
        mel=MelConfig(**config.features.mel),
        front_end=config.corpus.front_end,
        f0_tracker=config.features.f0_tracker,
        durations=None,
        seed=config.seed,
    )
    initial = Judge.load(config.init_from).recogniser if config.init_from else None
    found = find_durations(
        data,
        config.aligner,
        config.minutes,
        batch_size=config.batch_size,
        seed=config.seed,
        initial=initial,
        checkpoint=folder / "durations" / f"{config.aligner}.ckpt",
        resume=config.resume,
    )
    sys.stdout.write(json.dumps(found.report, indent=1) + "\n")
    if found.recogniser is not None:  # init_from=<this file> starts another corpus from it
        judge = Judge(found.recogniser, found.labels, data.mel, found.report)
        save_judge(judge, folder / "durations" / f"{config.aligner}_recogniser.safetensors")
    return store_durations(folder, config.aligner, found.durations)


if __name__ == "__main__":
    sys.exit(run(lambda: align(sys.argv[1:])))
