"""A real vocoder of a few channels with random weights: what it sounds like is noise."""

import torch

from tts_vae.audio.mel import MelConfig
from tts_vae.synthesis.vocoder_bundle import build_vocoder, save_vocoder


def write_tiny_vocoder(folder, mel=None, seed=0, **more):
    """Save the vocoder, with ``more`` of its arguments; returns its folder."""
    mel = mel or MelConfig()
    config = {
        "_target_": "tts_vae.models.vocoder.istft_vocoder.IstftVocoder",
        **{name: getattr(mel, name) for name in ("n_mels", "n_fft", "hop_length", "floor")},
        "width": 8,
        "layers": 1,
        **more,
    }
    torch.manual_seed(seed)
    model = build_vocoder(config, mel)
    return save_vocoder(folder, model_config=config, model=model, mel=mel, card="# tiny\n")
