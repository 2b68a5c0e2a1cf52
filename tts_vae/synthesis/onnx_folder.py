"""What stands beside ONNX files so that others can use them: tables, vectors, a program."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tts_vae.synthesis.style import SPEAKER
from tts_vae.synthesis.voice import Voice

ACOUSTIC, VOCODER = "acoustic.onnx", "vocoder.onnx"
TOKENS, VOICE, CARD = "tokens.json", "voice.json", "README.md"

_PROGRAM = """\
import json
import wave

import numpy as np
import onnxruntime

voice = json.load(open("voice.json", encoding="utf-8"))
number = json.load(open("tokens.json", encoding="utf-8"))
inputs = {
    # what to say: phones of the front end named in voice.json, "^" first and one of . ? ! last
    "tokens": np.array([[number[phone] for phone in voice["example"]["phones"]]], np.int64),
    "pitch_shift_st": np.array([0.0], np.float32),  # semitones
    "rate": np.array([1.0], np.float32),  # 2 is twice as fast
    "energy_shift_db": np.array([0.0], np.float32),
}
for name, site in voice["sites"].items():  # how: any vector of that width, (1, width)
    inputs["style_" + name] = np.array([site["default"]], np.float32)
mels, durations, pitch_st, f0_hz = onnxruntime.InferenceSession("acoustic.onnx").run(None, inputs)
"""

_SOUND = """\
(waveform,) = onnxruntime.InferenceSession("vocoder.onnx").run(None, {%s})
with wave.open("hello.wav", "wb") as file:
    file.setnchannels(1)
    file.setsampwidth(2)
    file.setframerate(voice["mel"]["sample_rate"])
    file.writeframes((waveform[0].clip(-1, 1) * 32767).astype("<i2").tobytes())
"""

_SILENT = """\
# this voice has no trained vocoder: give mels to one of the HiFi-GAN / Tacotron 2 convention
# (voice.json has every constant), or to Griffin-Lim
"""


def descriptions(voice: Voice, name: str, example: str, heard: Sequence[str]) -> dict[str, str]:
    """File name -> text of the files beside the graphs.

    Args:
        voice: that is exported.
        name: of the exported voice.
        example: sentence of the program in the card.
        heard: inputs of the vocoder, none if there is no vocoder.
    """
    bundle = voice.bundle
    tokens = {symbol: number for number, symbol in enumerate(bundle.symbols)}
    about = {
        "name": name,
        "front_end": bundle.front_end,
        "mel": asdict(bundle.mel),
        "speakers": list(bundle.speakers),
        "sites": _sites(voice),
        "inputs": {
            "tokens": "(1, phones) int64, numbers of tokens.json",
            "pitch_shift_st": "(1,) float32 semitones, 0 for none",
            "rate": "(1,) float32 factor of the speaking rate, 1 for the usual",
            "energy_shift_db": "(1,) float32 dB, 0 for none",
            "style_SITE": "(1, width) float32 for each of sites",
        },
        "outputs": {
            "mels": "(1, frames, n_mels) float32, natural-log magnitude",
            "durations": "(1, phones) int64 frames",
            "pitch_st": "(1, phones) float32 semitones re 55 Hz",
            "f0_hz": "(1, frames) float32 Hz, the pitch that the mels were made for",
        },
        "example": {"text": example, "phones": list(voice.phonemize(example)[0])},
        "metadata": {k: v for k, v in bundle.metadata.items() if k not in ("corpus_dir",)},
    }
    inputs = ", ".join(f'"{name}": {name}' for name in heard)
    program = _PROGRAM + (_SOUND % inputs if heard else _SILENT)
    card = (
        f"# {name}\n\nA voice of tts_vae in ONNX. With `pip install onnxruntime numpy`, in this "
        f"folder:\n\n```python\n{program}```\n"
    )
    return {
        TOKENS: json.dumps(tokens, ensure_ascii=False, indent=1) + "\n",
        VOICE: json.dumps(about, ensure_ascii=False, indent=1, default=str) + "\n",
        CARD: card,
    }


def _sites(voice: Voice) -> dict[str, Any]:
    """Site -> its width, usual value, and the vectors that its names stand for."""
    usual = voice.style().values
    sites: dict[str, Any] = {
        site: {"width": value.shape[-1], "default": value.tolist()} for site, value in usual.items()
    }
    if SPEAKER in sites:
        sites[SPEAKER]["speakers"] = {
            name: voice.style(speaker=name).values[SPEAKER].tolist() for name in voice.speakers
        }
    if voice.components and voice.prosody_site:
        sites[voice.prosody_site]["components"] = [
            voice.style(component=k).values[voice.prosody_site].tolist()
            for k in range(voice.components)
        ]
    return sites
