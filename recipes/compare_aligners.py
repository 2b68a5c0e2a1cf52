"""Both aligners on the embedded corpus, whose onsets are known: equal minutes, one run.

python -m recipes.compare_aligners [minutes=3] [corpus.dir=data/espeak]
"""

import json
import sys
from dataclasses import asdict
from typing import Any

from recipes.train import configure, prepare_corpus
from tts_vae.audio.mel import MelConfig
from tts_vae.cli import run
from tts_vae.evaluation.measures.boundaries import boundary_errors
from tts_vae.training.corpus_alignment import find_durations
from tts_vae.training.data_module import SpeechData


def compare(overrides: list[str]) -> dict[str, Any]:
    """Train each aligner for the configured minutes and measure both on the validation split."""
    config = configure(["corpus=espeak", "minutes=3", *overrides], "align")
    mel = MelConfig(**config.features.mel)
    data = SpeechData(
        prepare_corpus(config.corpus), mel, config.corpus.front_end, config.features.f0_tracker
    )
    true = {u.id: u.durations for u in data.valid_store if u.durations is not None}
    results = {}
    for aligner in ("ctc", "forward_sum"):
        found = find_durations(data, aligner, config.minutes, config.batch_size, config.seed)
        errors = boundary_errors(found.durations, true, 1 / mel.frame_rate_hz)
        results[aligner] = {**found.report, **asdict(errors)}
    sys.stdout.write(json.dumps(results, indent=1) + "\n")
    return results


if __name__ == "__main__":
    sys.exit(run(lambda: compare(sys.argv[1:]) and 0))
