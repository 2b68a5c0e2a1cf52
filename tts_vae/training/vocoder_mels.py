"""Mels as the acoustic model makes them, frame for frame beside the recordings.

A vocoder that has only seen mels of recordings hears a difference in those of a model, which are
smoother. The parallel decoder is taught with the recording's durations, so its mels lie on the
recording's time axis and can be trained on (Kong et al. 2020, sec. 4.4: fine-tuning).
"""

import hashlib
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tts_vae.audio.mel import MelConfig
from tts_vae.data.dataset import UtteranceDataset
from tts_vae.data.sampler import padded_batches
from tts_vae.synthesis.bundle import WEIGHTS, VoiceBundle, load_voice
from tts_vae.synthesis.vocoder_bundle import check_same_mels
from tts_vae.training.data_module import SpeechData
from tts_vae.whole_file import whole_file

_MAX_FRAMES = 6000  # of a batch: seconds of work, little memory


def predict_mels(
    voice: Path,
    corpus_dir: Path,
    mel: MelConfig,
    f0_tracker: str = "praat",
    durations: str | None = None,
) -> dict[str, dict[str, Tensor]]:
    """Let a voice explain every recording at its posterior means; computed once and cached.

    Args:
        voice: voice folder.
        corpus_dir: the corpus it was trained on.
        mel: analysis constants of the vocoder to be.
        f0_tracker: "praat" or "pyin".
        durations: name of a file under ``corpus_dir/durations``; None if the corpus knows them.

    Returns:
        split -> id -> (frames, n_mels) float16, of train and valid.

    Raises:
        ValueError: if there is no voice, it speaks other mels (every constant that differs is
            named), or it was trained on another corpus.
    """
    bundle = load_voice(voice)
    check_same_mels(asdict(mel), bundle.mel)
    data = SpeechData(
        corpus_dir,
        bundle.mel,
        front_end=bundle.front_end,
        f0_tracker=f0_tracker,
        durations=durations,
    )
    if bundle.symbols != data.table.symbols or bundle.speakers != data.speakers:
        raise ValueError(
            f"{voice} was trained on another corpus than {corpus_dir}: its "
            f"{len(bundle.symbols)} symbols and {len(bundle.speakers)} speakers are not those "
            f"{len(data.table.symbols)} and {len(data.speakers)}; give a voice of this corpus"
        )
    described = (voice / WEIGHTS).read_bytes() + str((durations, data.train_store.folder)).encode()
    name = hashlib.sha256(described).hexdigest()[:12]
    sets = {"train": data.train_set, "valid": data.valid_set}
    return {
        split: _cached(corpus_dir / "predicted" / f"{name}-{split}.safetensors", bundle, dataset)
        for split, dataset in sets.items()
    }


@torch.no_grad()
def _cached(path: Path, bundle: VoiceBundle, dataset: UtteranceDataset) -> dict[str, Tensor]:
    if not path.is_file():
        made: dict[str, Tensor] = {}
        loader = padded_batches(dataset, max_frames=_MAX_FRAMES, shuffle=False)
        for batch in loader:
            mels = bundle.model(batch, mode="mean").predictions["mels"]
            for id_, predicted, mask in zip(batch.ids, mels, batch.mel_mask, strict=True):
                made[id_] = predicted[mask].half().contiguous()
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            save_file(made, partial)
    return load_file(path)
