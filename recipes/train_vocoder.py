"""Train a vocoder: python -m recipes.train_vocoder experiment=vocoder/espeak_small [overrides].

Leaves the vocoder in runs/<name>/vocoder, and metrics.json with a picture beside it.
"""

import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from recipes.configuration import configure
from recipes.train import prepare_corpus
from tts_vae.audio.mel import MelConfig
from tts_vae.evaluation.voices.vocoder_report import report_vocoder
from tts_vae.synthesis.vocoder_bundle import NeuralVocoder
from tts_vae.training.loop import check_keys
from tts_vae.training.vocoder_data import Recordings, VocoderData
from tts_vae.training.vocoder_mels import predict_mels
from tts_vae.training.vocoder_pitch import track_pitch
from tts_vae.training.vocoder_run import train_vocoder


def prepare_data(config: DictConfig, corpus: Path, mel: MelConfig) -> VocoderData:
    """Pieces of a corpus, with the recordings' own mels or those of a voice."""
    tracker, durations = config.features.f0_tracker, config.corpus.durations
    predicted: dict[str, Any] = {}
    pitch: dict[str, Any] = {}
    if config.mels_from is not None:
        predicted = predict_mels(Path(config.mels_from), corpus, mel, tracker, durations)
    if config.vocoder.source:
        pitch = {split: track_pitch(corpus, split, mel, tracker) for split in ("train", "valid")}
    return VocoderData(
        Recordings(corpus, "train", mel, predicted.get("train"), pitch.get("train")),
        Recordings(corpus, "valid", mel, predicted.get("valid"), pitch.get("valid")),
        batch_size=config.batch_size,
        piece_frames=config.piece_frames,
        gain_db=config.gain_db,
        valid_clips=config.valid_clips,
        seed=config.seed,
    )


def train(overrides: list[str]) -> Path:
    """Train what the overrides describe and measure it; returns the vocoder folder."""
    config = configure(overrides, "vocoder")
    mel = MelConfig(**config.features.mel)
    check_keys("evaluation", config.evaluation, report_vocoder)
    corpus = prepare_corpus(config.corpus)
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    folder = train_vocoder(plain, prepare_data(config, corpus, mel), mel)
    if plain["evaluation"]["clips"]:
        found = report_vocoder(
            NeuralVocoder(folder, mel), corpus, Path(config.output), mel, **plain["evaluation"]
        )
        ours, theirs = found["vocoder"], found["griffin_lim"]
        print(
            f"{folder}: log-mel L1 {ours['mel_l1']} (Griffin-Lim {theirs['mel_l1']}), real-time "
            f"factor {ours['rtf']}, {found['time_ratio']} times faster than Griffin-Lim"
        )
    return folder


if __name__ == "__main__":
    from tts_vae.cli import run

    sys.exit(run(lambda: train(sys.argv[1:])))
