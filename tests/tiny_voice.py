"""A real voice of a few channels with random weights, whose styles are made loud enough to hear.

Not trained: what it says is noise, but every path from a choice of style to a waveform is the
product's own.
"""

from pathlib import Path

import torch

from tts_vae.audio.mel import MelConfig
from tts_vae.synthesis.bundle import instantiate, save_voice
from tts_vae.text.symbols import grapheme_table

SPEAKERS = ("anna", "bert", "carl")
WIDTH = 4
COMPONENTS = 3

PROSODY = {
    "mixture": {"_target_": "tts_vae.latents.mixture.MixtureLatent", "components": COMPONENTS},
    "gaussian": {"_target_": "tts_vae.latents.gaussian.GaussianLatent"},
    "tokens": {"_target_": "tts_vae.latents.style_tokens.StyleTokenLatent", "tokens": 5},
    "code": {"_target_": "tts_vae.latents.deterministic.DeterministicLatent"},
    "codebook": {
        "_target_": "tts_vae.latents.vector_quantizer.VectorQuantizerLatent",
        "codes": 9,
        "projection": True,
    },
    "levels": {
        "_target_": "tts_vae.latents.residual_quantizer.ResidualQuantizerLatent",
        "levels": 3,
        "codes": 6,
        "projection": True,
    },
    "relaxed": {
        "_target_": "tts_vae.latents.relaxed_categorical.RelaxedCategoricalLatent",
        "codes": 9,
    },
    "hierarchy": {"_target_": "tts_vae.latents.hierarchy.HierarchicalLatent"},
    "layers": {"_target_": "tts_vae.latents.bottom_up.BottomUpLatent", "layers": (3, 1)},
}


def model_config(prosody: str = "mixture", speakers: int = len(SPEAKERS)) -> dict:
    """Configuration of the model; ``speakers=0`` leaves the speaker site out."""
    encoder = {
        "_target_": "tts_vae.models.speech.reference_encoder.ConvGruReferenceEncoder",
        "n_mels": 80,
        "channels": [2, 2, 4, 4, 4, 4],
        "feature_width": 8,
    }
    latents = {"prosody": {**PROSODY[prosody], "feature_width": 8, "width": WIDTH}}
    if speakers:
        latents["speaker"] = {
            "_target_": "tts_vae.latents.gaussian.GaussianLatent",
            "feature_width": 8,
            "width": 3,
            "condition_classes": speakers,
            "prior_initial_log_scale": -2.0,
        }
    likelihoods = {
        name: {"_target_": "tts_vae.models.likelihoods.LaplaceLikelihood", "scale": 1.0}
        for name in ("mels", "duration", "length", "pitch", "energy")
    }
    return {
        "_target_": "tts_vae.models.latent_model.LatentModel",
        "encoders": dict.fromkeys(latents, encoder),
        "latents": latents,
        "conditions": {"speaker": "speaker"} if speakers else {},
        "decoder": {
            "_target_": "tts_vae.models.speech.parallel.ParallelDecoder",
            "text_encoder": {
                "_target_": "tts_vae.models.speech.text_encoder.ConvTextEncoder",
                "n_symbols": len(grapheme_table()),
                "width": 8,
                "layers": 1,
            },
            "site_widths": {site: latent["width"] for site, latent in latents.items()},
            "n_mels": 80,
            "likelihoods": likelihoods,
            "width": 16,
            "layers": 1,
            "style_width": 8,
            "predictor_layers": 1,
        },
    }


def tiny_model(config: dict):
    """Random weights; styles and references move every output."""
    torch.manual_seed(7)
    model = instantiate(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "condition.weight" in name:
                parameter.normal_(std=0.4)
            elif "door" in name or "posterior_head" in name:
                parameter.mul_(4)
        model.decoder.log_duration_mean.fill_(1.6)
        model.decoder.log_duration_std.fill_(0.6)
        model.decoder.pitch_st_mean.fill_(20.0)
        model.decoder.pitch_st_std.fill_(4.0)
        model.decoder.mels_mean.fill_(-5.0)
    return model


def write_tiny_voice(folder: Path, prosody: str = "mixture", speakers: tuple = SPEAKERS, **more):
    """Save the voice; ``more`` replaces arguments of save_voice."""
    config = model_config(prosody, len(speakers) if len(speakers) > 1 else 0)
    arguments = {
        "model_config": config,
        "model": tiny_model(config),
        "mel": MelConfig(),
        "front_end": "grapheme",
        "symbols": grapheme_table().symbols,
        "speakers": speakers,
        "styles": {"sites": {"prosody": {"usage": [0.1, 0.7, 0.2]}}},
        "card": "# A tiny voice\n",
        "metadata": {"corpus": "none", "metrics": {"steps": 0}},
    }
    return save_voice(folder, **{**arguments, **more})


def sweep(seconds: float, rate_hz: int, low_hz: float = 120.0, syllables_hz: float = 4.0):
    """Something with a pitch and syllables: (samples,) float32."""
    time = torch.arange(int(seconds * rate_hz)) / rate_hz
    phase = 2 * torch.pi * low_hz * time * (1 + 0.1 * torch.sin(2 * torch.pi * time))
    tone = sum(torch.sin(k * phase) / k for k in range(1, 9))
    envelope = 0.55 - 0.45 * torch.cos(2 * torch.pi * syllables_hz * time)
    return (0.1 * tone * envelope).numpy()
