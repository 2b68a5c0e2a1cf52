"""From a text to a waveform: our shipped voice beside espeak-ng, coqui-tts, Matcha-TTS and Piper.

The neural peers have random weights of their published sizes, as nothing may be downloaded here:
speed does not depend on them, but the length of what is said does, so times are given for a second
of audio. coqui-tts and Matcha-TTS are spared their front end: they get one symbol a character,
blanks between them as in their recipes.
"""

import contextlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from tts_vae.evaluation.peers.latents.contestant import named, require
from tts_vae.synthesis.voice import Voice
from tts_vae.text import espeak_library

Say = Callable[[str], float]
"""A text -> seconds of audio made of it."""

_SYMBOLS = 178  # of the English alphabets of VITS and Matcha-TTS


def our_voice(folder: Path) -> tuple[str, Say]:
    """The voice that ships, front end and vocoder included."""
    voice = Voice.load("espeak")
    return "ours, voice espeak", lambda text: voice.speak(text).duration_s


def espeak_ng(folder: Path) -> tuple[str, Say]:
    """The formant synthesiser, in process."""

    def say(text: str) -> float:
        return len(espeak_library.synthesize(text).samples) / espeak_library.SAMPLE_RATE

    return "espeak-ng", say


def coqui_vits(folder: Path) -> tuple[str, Say]:
    """VITS (Kim et al. 2021) with coqui-tts's own sizes."""
    configs, models = require("coqui-tts", "TTS.tts.configs.vits_config", "TTS.tts.models.vits")
    with contextlib.redirect_stdout(io.StringIO()):
        config = configs.VitsConfig()
        model = models.Vits(config).eval()
    alphabet = model.text_encoder.emb.num_embeddings  # of its own characters

    def say(text: str) -> float:
        with torch.inference_mode(), contextlib.redirect_stdout(io.StringIO()):
            made = model.inference(symbols(text, alphabet))["model_outputs"]
        return made.shape[-1] / config.audio.sample_rate

    return named("coqui-tts", "VITS"), say


def matcha(folder: Path) -> tuple[str, Say]:
    """Matcha-TTS (Mehta et al. 2024), LJSpeech sizes, 10 steps, with HiFi-GAN V1."""
    models, env, hifigan, settings = require(
        "matcha-tts",
        "matcha.models.matcha_tts",
        "matcha.hifigan.env",
        "matcha.hifigan.models",
        "matcha.hifigan.config",
    )
    encoder: dict[str, Any] = {"n_feats": 80, "n_channels": 192, "filter_channels": 768}
    encoder |= {"filter_channels_dp": 256, "n_heads": 2, "n_layers": 6, "kernel_size": 3}
    encoder |= {"p_dropout": 0.1, "spk_emb_dim": 64, "n_spks": 1, "prenet": True}
    durations = {"filter_channels_dp": 256, "kernel_size": 3, "p_dropout": 0.1}
    model = models.MatchaTTS(
        n_vocab=_SYMBOLS,
        n_spks=1,
        spk_emb_dim=64,
        n_feats=80,
        encoder=SimpleNamespace(
            encoder_type="RoPE Encoder",
            encoder_params=SimpleNamespace(**encoder),
            duration_predictor_params=SimpleNamespace(**durations),
        ),
        decoder={
            "channels": (256, 256),
            "dropout": 0.05,
            "attention_head_dim": 64,
            "n_blocks": 1,
            "num_mid_blocks": 2,
            "num_heads": 2,
            "act_fn": "snakebeta",
        },
        cfm=SimpleNamespace(solver="euler", sigma_min=1e-4),
        data_statistics={"mel_mean": -5.5, "mel_std": 2.1},
        out_size=None,
    ).eval()
    vocoder = hifigan.Generator(env.AttrDict(settings.v1)).eval()
    vocoder.remove_weight_norm()

    def say(text: str) -> float:
        x = symbols(text)
        with torch.inference_mode():
            mel = model.synthesise(x, torch.tensor([x.shape[1]]), n_timesteps=10)["mel"]
            return vocoder(mel).shape[-1] / 22050

    return named("matcha-tts", "and HiFi-GAN V1"), say


def piper(folder: Path) -> tuple[str, Say]:
    """Piper's medium voice (VITS through onnxruntime), front end included."""
    voices, lightning = require("piper-tts", "piper.voice", "piper.train.vits.lightning")
    phonemes = require("piper-tts", "piper.phoneme_ids")[0].DEFAULT_PHONEME_ID_MAP
    path = folder / "piper.onnx"
    with contextlib.redirect_stdout(io.StringIO()):
        network = lightning.VitsModel(num_symbols=256, num_speakers=1, sample_rate=22050).model_g
        export_piper(network.eval(), path)
    described = {
        "num_symbols": 256,
        "num_speakers": 1,
        "audio": {"sample_rate": 22050},
        "espeak": {"voice": "en-us"},
        "phoneme_type": "espeak",
        "phoneme_id_map": {name: list(ids) for name, ids in phonemes.items()},
    }
    Path(f"{path}.json").write_text(json.dumps(described), encoding="utf-8")
    voice = voices.PiperVoice.load(path)

    def say(text: str) -> float:
        return sum(len(c.audio_float_array) / c.sample_rate for c in voice.synthesize(text))

    return named("piper-tts", "medium"), say


def export_piper(network: Any, path: Path) -> None:
    """Write its network as its own exporter does, random weights and all."""
    network.dec.remove_weight_norm()

    def infer(text: Any, lengths: Any, scales: Any, sid: Any = None) -> Any:
        noise, length, duration = scales
        made = network.infer(
            text,
            lengths,
            noise_scale=noise,
            length_scale=length,
            noise_scale_w=duration,
            sid=sid,
        )
        return made[0].unsqueeze(1)

    network.forward = infer
    torch.onnx.export(
        network,
        (torch.randint(0, 256, (1, 50)), torch.tensor([50]), torch.tensor([0.667, 1.0, 0.8])),
        path,
        opset_version=15,
        dynamo=False,
        input_names=["input", "input_lengths", "scales"],
        output_names=["output"],
        dynamic_axes={
            "input": {0: "batch_size", 1: "phonemes"},
            "input_lengths": {0: "batch_size"},
            "output": {0: "batch_size", 2: "time"},
        },
    )


def symbols(text: str, alphabet: int = _SYMBOLS) -> torch.Tensor:
    """(1, 2 characters + 1) int64: some symbol for each character, blanks (0) around it."""
    found = torch.zeros(1, 2 * len(text) + 1, dtype=torch.int64)
    found[0, 1::2] = torch.tensor([1 + ord(character) % (alphabet - 1) for character in text])
    return found


SPEAKERS: dict[str, Callable[[Path], tuple[str, Say]]] = {
    "ours": our_voice,
    "espeak-ng": espeak_ng,
    "coqui": coqui_vits,
    "matcha": matcha,
    "piper": piper,
}
"""Word in a configuration -> how to load it; the folder is for what it must write first."""


def load_speakers(words: Sequence[str], folder: Path) -> tuple[dict[str, Say], dict[str, str]]:
    """Those that are installed and load, ours first of all.

    Returns:
        Name -> how to say a text; and, of those left out, word -> why.
    """
    found: dict[str, Say] = {}
    missing: dict[str, str] = {}
    for word in words:
        try:
            name, say = SPEAKERS[word](folder)
        except (ImportError, ValueError) as error:
            missing[word] = " ".join(str(error).split())
        else:
            found[name] = say
    return found, missing
