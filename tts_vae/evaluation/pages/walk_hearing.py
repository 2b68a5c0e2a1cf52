"""What is heard at the stops of a walk through styles, and how evenly it moves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tts_vae.audio.mel import MelSpectrogram
from tts_vae.audio.prosody import track_f0
from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.evaluation.measures.attributes import Attributes, measure_attributes
from tts_vae.evaluation.measures.smoothness import smoothness
from tts_vae.evaluation.pages.listening_figures import mel_picture
from tts_vae.evaluation.pages.walk_figures import as_data_uri
from tts_vae.synthesis.site_prior import SitePrior, site_prior
from tts_vae.synthesis.speech import Speech
from tts_vae.synthesis.voice import Voice
from tts_vae.synthesis.walks import Stop

MOVED = {"pitch_st": 1.0, "rate": 0.5, "energy_db": 1.0, "pitch_range_st": 2.0}
"""Change from the first stop to the last from which an attribute counts as moved."""

SHOWN = {
    "pitch_st": ("F0 level", "st"),
    "rate": ("rate", "phones/s"),
    "energy_db": ("energy", "dB"),
    "pitch_range_st": ("F0 range", "st"),
}
"""Attribute -> what it is called, and its unit."""


@dataclass(frozen=True)
class Heard:
    """What is shown and measured of one stop.

    Attributes:
        stop: where.
        attributes: of the waveform.
        f0_hz: (frames,) tracked in the waveform, 0 where unvoiced.
        mel_uri: its mel spectrogram as a picture.
        log_prior: log density of the prosody's prior there, nats; None where it has none.
    """

    stop: Stop
    attributes: Attributes
    f0_hz: NDArray[np.float32]
    mel_uri: str
    log_prior: float | None

    def numbers(self) -> dict[str, float | None]:
        """Attribute -> number as JSON knows it: None where undefined."""
        found = {name: getattr(self.attributes, name) for name in SHOWN}
        shown = {name: number if math.isfinite(number) else None for name, number in found.items()}
        return {**shown, "log_prior": self.log_prior}


class Listener:
    """Measures what a voice says at the stops of a walk.

    Args:
        voice: who speaks.

    Raises:
        ValueError: if praat-parselmouth (extra ``evaluation``) is missing.
    """

    def __init__(self, voice: Voice) -> None:
        self._mel = voice.bundle.mel
        self._analyse = MelSpectrogram(voice.bundle.mel)
        embedded = voice.bundle.metadata.get("corpus") == "espeak"
        self._judge = Judge.load("espeak") if embedded else None  # it knows no other voices
        self._site = voice.prosody_site
        self._prior: SitePrior | None = None
        if self._site is not None:
            try:
                self._prior = site_prior(voice.bundle, self._site)
            except ValueError:  # nothing is known of a plain code's values
                self._prior = None
        track_f0(np.ones(2048), self._mel.sample_rate)  # says that parselmouth is missing

    def hear(self, stop: Stop, speech: Speech) -> Heard:
        """Measure one stop."""
        waveform, rate, hop = speech.waveform, speech.sample_rate, speech.hop_length
        f0_hz = track_f0(waveform, rate, hop)
        mels = self._analyse(torch.from_numpy(waveform)).numpy()
        log_prior = None
        if self._prior is not None and self._site is not None:
            log_prior = self._prior.log_prob(stop.style.values[self._site])
        return Heard(
            stop=stop,
            attributes=measure_attributes(
                waveform, rate, speech.phones, self._judge, speech.gain_db
            ),
            f0_hz=f0_hz,
            mel_uri=as_data_uri(mel_picture(mels, f0_hz, hop / rate), photograph=True),
            log_prior=log_prior,
        )


def evenness(heard: Sequence[Heard]) -> dict[str, dict[str, float | bool | None]]:
    """For each attribute: change from first to last, Spearman with the step, largest / mean jump.

    An attribute counts as "moved" where its change is that of ``MOVED`` or more; of the others the
    rank correlation says nothing.
    """
    found: dict[str, dict[str, float | bool | None]] = {}
    for name, least in MOVED.items():
        track = [getattr(item.attributes, name) for item in heard]
        if len(track) < 3 or not np.isfinite(track).all():
            continue
        shown = smoothness(track)
        numbers = {
            "change": shown.change,
            "spearman": shown.spearman * (math.copysign(1.0, shown.change)),
            "largest_jump": shown.largest_jump,
        }
        plain = {key: value if math.isfinite(value) else None for key, value in numbers.items()}
        found[name] = {"moved": abs(shown.change) >= least, **plain}
    return found
