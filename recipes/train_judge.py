"""Train the judge that ships: python recipes/train_judge.py [settings.minutes=6 output=FILE ...].

It hears the training recordings of the corpus and is measured on the test recordings.
"""

import sys
from pathlib import Path

from omegaconf import OmegaConf

from recipes.train import configure, prepare_corpus
from tts_vae.audio.mel import MelConfig
from tts_vae.data.features import extract
from tts_vae.data.store import FeatureStore
from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.evaluation.listeners.judge_training import save_judge, train_judge
from tts_vae.models.speech.augmentation import Augmentation
from tts_vae.text.phonemizer import make_phonemizer
from tts_vae.training.recogniser_training import RecogniserSettings


def train(overrides: list[str]) -> Judge:
    """Train and store what the overrides describe."""
    config = configure(overrides, "judge")
    folder = prepare_corpus(config.corpus)
    mel, phonemizer = MelConfig(**config.features.mel), make_phonemizer(config.corpus.front_end)

    def store(split: str) -> FeatureStore:
        tracker = config.features.f0_tracker
        return extract(folder, split, mel=mel, phonemizer=phonemizer, f0_tracker=tracker)

    judge = train_judge(
        store("train"),
        store("test"),
        phonemizer.table,
        mel,
        RecogniserSettings(**config.settings, augmentation=Augmentation(**config.augmentation)),
        checkpoint=Path(config.checkpoint),
        resume=config.resume,
        notes={
            "corpus": OmegaConf.to_container(config.corpus, resolve=True),
            "command": " ".join(["python recipes/train_judge.py", *overrides]),
        },
    )
    save_judge(judge, Path(config.output))
    return judge


if __name__ == "__main__":
    try:
        notes = train(sys.argv[1:]).notes
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    low, high = notes["natural_per_interval"]
    print(
        f"phone error on {notes['held_out_utterances']} held-out natural recordings: "
        f"{100 * notes['natural_per']:.2f} % (95 % interval {100 * low:.2f}-{100 * high:.2f} %)"
    )
