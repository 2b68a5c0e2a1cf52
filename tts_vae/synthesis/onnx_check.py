"""Whether ONNX files say what torch says: sentences in several styles, through both."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tts_vae.models.speech.contract import Generated
from tts_vae.models.vocoder.istft_vocoder import IstftVocoder
from tts_vae.synthesis.onnx_folder import ACOUSTIC, VOCODER
from tts_vae.synthesis.style import Style
from tts_vae.synthesis.told_pitch import spoken_f0
from tts_vae.synthesis.voice import Voice

MEL_TOLERANCE, WAVEFORM_TOLERANCE = 1e-3, 5e-3
"""Largest difference allowed: nepers of a mel bin, and full scale of a sample.

A vocoder that fits its sound to the mels divides by what it finds, again and again, and makes some
thousandths of a rounding in the last place; one that is wrong is off by tenths.
"""

TEXTS = (
    "Yes.",
    "She sells sea shells by the sea shore every morning.",
    "Nobody knew what the old captain had seen, but in the end everybody believed him!",
    "Would you rather leave at seven, or wait until the weather is better?",
)

_TIE = 1e-5
"""Change of the rate that decides a boundary on the edge between two frames."""


@dataclass(frozen=True)
class Agreement:
    """How far ONNX and torch agree.

    Attributes:
        sentences: how many were compared.
        mels: largest difference of a mel bin, nepers.
        pitch_st: largest difference of a phone's pitch, semitones.
        ties: sentences with a boundary on the very edge between two frames, which rounding decides;
            they are compared with torch at a rate 1e-5 away. All other durations are identical.
        waveform: largest difference of a sample; None without a vocoder.
    """

    sentences: int
    mels: float
    pitch_st: float
    ties: int
    waveform: float | None


def compare(
    voice: Voice, vocoder: IstftVocoder | None, heard: Sequence[str], folder: Path
) -> Agreement:
    """Speak through ONNX files and through torch.

    Args:
        voice: that was exported.
        vocoder: that was exported, or None.
        heard: names of its inputs.
        folder: the files.

    Raises:
        ValueError: if durations differ, or mels or waveforms by more than the tolerance.
    """
    import onnxruntime

    def session(name: str) -> Any:
        return onnxruntime.InferenceSession(folder / name, providers=["CPUExecutionProvider"])

    acoustic, waves = session(ACOUSTIC), session(VOCODER) if vocoder is not None else None
    mels = pitch = sound = 0.0
    ties = sentences = 0
    for text, style in ((text, style) for text in TEXTS for style in _styles(voice)):
        for phones in voice.phonemize(text):
            tokens = torch.tensor([[voice.bundle.symbols.index(phone) for phone in phones]])
            names = ["mels", "durations", "pitch_st", "f0_hz"]
            theirs = acoustic.run(names, _inputs(tokens, style))
            ours, tie = _torch(voice, tokens, style, theirs[1], text)
            sentences, ties = sentences + 1, ties + tie
            mels = max(mels, _difference(ours.mels, theirs[0]))
            pitch = max(pitch, _difference(ours.pitch_st, theirs[2]))
            if waves is not None and vocoder is not None:
                contour = spoken_f0(ours.durations, ours.pitch_st, ours.mels.shape[1])
                given = {"mels": ours.mels, "f0_hz": contour}
                given = {name: given[name] for name in heard}
                with torch.inference_mode():
                    waveform = vocoder(**given)
                said = waves.run(["waveform"], {name: x.numpy() for name, x in given.items()})[0]
                sound = max(sound, _difference(waveform, said))
    if not (mels <= MEL_TOLERANCE and sound <= WAVEFORM_TOLERANCE):
        raise ValueError(
            f"the exported files differ from torch by {mels:.1e} in mels (allowed "
            f"{MEL_TOLERANCE:g}) and {sound:.1e} in samples (allowed {WAVEFORM_TOLERANCE:g}); "
            "nothing was written: this version of torch or onnxruntime computes something else"
        )
    return Agreement(sentences, mels, pitch, ties, sound if waves is not None else None)


def _styles(voice: Voice) -> list[Style]:
    """The usual style; the last speaker with everything shifted; a component if there is one."""
    speaker = voice.speakers[-1] if len(voice.speakers) > 1 else None
    styles = [
        voice.style(),
        voice.style(speaker=speaker, pitch_st=2.0, rate=1.2, energy_db=3.0),
    ]
    return [*styles, voice.style(component=0, rate=0.8)] if voice.components else styles


def _inputs(tokens: Tensor, style: Style) -> dict[str, Any]:
    controls = {
        "pitch_shift_st": style.pitch_st,
        "rate": style.rate,
        "energy_shift_db": style.energy_db,
    }
    return {
        "tokens": tokens.numpy(),
        **{name: np.array([value], np.float32) for name, value in controls.items()},
        **{f"style_{site}": value.unsqueeze(0).numpy() for site, value in style.values.items()},
    }


@torch.inference_mode()
def _torch(
    voice: Voice, tokens: Tensor, style: Style, durations: Any, text: str
) -> tuple[Generated, bool]:
    """What torch says, and whether a boundary had to be nudged off the edge between two frames."""
    decoder: Any = voice.bundle.model.decoder
    for nudge in (0.0, _TIE, -_TIE):
        made: Generated = decoder.generate(
            tokens,
            torch.ones_like(tokens, dtype=torch.bool),
            {site: value.unsqueeze(0) for site, value in style.values.items()},
            pitch_shift_st=style.pitch_st,
            rate=style.rate * (1 + nudge),
            energy_shift_db=style.energy_db,
        )
        if np.array_equal(made.durations.numpy(), durations):
            return made, nudge != 0.0
    raise ValueError(
        f"the exported files say {text!r} in {int(durations.sum())} frames and torch in "
        f"{int(made.durations.sum())}, or divide them otherwise; nothing was written"
    )


def _difference(ours: Tensor, theirs: Any) -> float:
    return float(np.abs(ours.numpy() - theirs).max())
