"""Clips to listen to: one sentence in every style a voice offers, each measured as it is heard."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tts_vae.audio.files import read_audio
from tts_vae.audio.mel import MelSpectrogram
from tts_vae.audio.prosody import track_f0
from tts_vae.corpora.manifests import read_cuts
from tts_vae.evaluation.acoustics import Acoustics, measure_acoustics, most_different
from tts_vae.synthesis.interpolation import interpolate
from tts_vae.synthesis.speech import Speech
from tts_vae.synthesis.style import SPEAKER, Style
from tts_vae.synthesis.voice import Voice

PITCH_ST, RATE, ENERGY_DB = (-4.0, 0.0, 4.0), (0.75, 1.0, 1.35), (-6.0, 0.0, 6.0)
LEAST_USAGE = 0.01
"""Share of the training recordings from which a component counts as learned."""
PAIR_SECONDS = (1.8, 4.5)


@dataclass(frozen=True)
class Clip:
    """Something to play, with what is seen and measured of it.

    Attributes:
        name: unique among the clips of a page; a file name without its ending.
        title: a few words.
        note: the recipe of its style, or where it comes from.
        waveform: (samples,) float32.
        sample_rate: Hz.
        mels: (frames, n_mels) natural-log magnitude, analysed from the waveform.
        f0_hz: (frames,) tracked in the waveform, 0 where unvoiced.
        acoustics: measured on the waveform.
        request: control -> value asked for ("pitch_st", "rate", "energy_db").
    """

    name: str
    title: str
    note: str
    waveform: NDArray[np.float32]
    sample_rate: int
    mels: NDArray[np.float32]
    f0_hz: NDArray[np.float32]
    acoustics: Acoustics
    request: Mapping[str, float]


@dataclass(frozen=True)
class Section:
    """Clips that belong together; the sentence under the title says what to listen for."""

    name: str
    title: str
    text: str
    clips: tuple[Clip, ...]


class Listening:
    """Speaks and measures the clips of a demonstration.

    Args:
        voice: who speaks.
        corpus: prepared corpus with test recordings, the references.
        text: the sentence that every style says.
        seed: of waveforms.
    """

    def __init__(self, voice: Voice, corpus: Path, text: str, seed: int = 0) -> None:
        self.voice, self.text, self.seed = voice, text, seed
        self.recordings = contrasting_pair(list(read_cuts(corpus, "test")))
        self._analyse = MelSpectrogram(voice.bundle.mel)
        self._tokens = [token for sentence in voice.phonemize(text) for token in sentence]

    def sections(self) -> list[Callable[[], Section]]:
        """What this voice can show, in order; each is spoken when it is called."""
        voice = self.voice
        shown: list[Callable[[], Section]] = []
        if voice.components:
            shown.append(self.components)
        if len(voice.speakers) > 1:
            shown.append(self.speakers)
        shown.append(self.interpolation)
        if SPEAKER in voice.bundle.model.sites:
            shown.append(self.transfer)
        shown += [
            lambda: self.control("pitch_st", PITCH_ST, "Pitch shifts", "st"),
            lambda: self.control("rate", RATE, "Rate shifts", "x"),
            lambda: self.control("energy_db", ENERGY_DB, "Energy shifts", "dB"),
        ]
        return shown

    def components(self) -> Section:
        """The sentence in every component, said by one speaker."""
        usage = self._usage()
        clips = [
            self._say(
                f"component-{k}",
                f"Component {k}" + (f" ({100 * usage[k]:.0f} % of training)" if usage else ""),
                self.voice.style(component=k),
            )
            for k in range(self.voice.components)
        ]
        text = (
            "The prior of the prosody latent is a mixture; each component stands for one way of "
            "speaking that training found by itself. Same speaker, same sentence."
        )
        return Section("components", "One sentence in every component", text, tuple(clips))

    def speakers(self) -> Section:
        """The sentence by every speaker, in the usual prosody."""
        clips = [
            self._say(f"speaker-{name}", f"Speaker {name}", self.voice.style(speaker=name))
            for name in self.voice.speakers
        ]
        text = "The speaker latent changes who speaks; the prosody latent stays at its mean."
        return Section("speakers", "Every speaker", text, tuple(clips))

    def interpolation(self) -> Section:
        """Nine steps between two components that sound different, or two recordings."""
        start, end = self.ends()
        steps = interpolate(self.voice, self.text, start, end, steps=9, seed=self.seed)
        clips = [
            self._spoken(
                f"interpolation-{number}", f"Step {number + 1} of 9", point.style, point.speech
            )
            for number, point in enumerate(steps)
        ]
        text = (
            f"Straight line in the latent space from {_short(start)} to {_short(end)}: the way of "
            "speaking should change evenly from clip to clip."
        )
        return Section("interpolation", "From one style to another", text, tuple(clips))

    def ends(self) -> tuple[Style, Style]:
        """Two clearly different styles: the components furthest apart of those in use."""
        usage = self._usage() or [1.0] * self.voice.components
        used = [k for k, share in enumerate(usage) if share >= LEAST_USAGE]
        styles = [self.voice.style(component=k) for k in used]
        if len(styles) < 2:
            styles = [self.voice.style(reference=_path(cut)) for cut in self.recordings]
        heard = [self._say("", "", style).acoustics for style in styles]
        first, last = most_different(heard)
        return styles[first], styles[last]

    def transfer(self) -> Section:
        """One recording's speaker with another's prosody, both ways, beside the recordings."""
        cuts = dict(zip("AB", self.recordings, strict=True))
        styles = {name: self.voice.style(reference=_path(cut)) for name, cut in cuts.items()}
        clips = [self._recorded(name, cut) for name, cut in cuts.items()]
        for who, how in ("AA", "AB", "BB", "BA"):
            title = f"{who}'s voice with {who + chr(39) + 's own' if who == how else how + chr(39) + 's'} prosody"
            style = styles[who].with_prosody(styles[how])
            clips.append(self._say(f"transfer-{who}-{how}".lower(), title, style))
        text = (
            "Two held-out recordings, A and B. Both latents are inferred from each; then the "
            "speaker of one is joined with the prosody of the other, for a sentence neither said."
        )
        return Section("transfer", "A's voice with B's prosody", text, tuple(clips))

    def control(self, word: str, values: Sequence[float], title: str, unit: str) -> Section:
        """The sentence with a shift in physical units; ``word`` as in ``voice.style``."""
        clips = []
        for number, value in enumerate(values):
            style = self.voice.style(**{word: value})  # type: ignore[arg-type]
            shown = f"{value:g}" if word == "rate" else f"{value:+g}"
            clips.append(
                self._say(f"{word}-{number}", f"{shown} {unit}", style, {word: value})
            )
        text = "Asked for in physical units; what came out is measured in the table of controls."
        return Section(word.replace("_", "-"), title, text, tuple(clips))

    def _usage(self) -> list[float]:
        prosody = self.voice.bundle.styles.get("sites", {}).get("prosody", {})
        return list(prosody.get("usage") or [])

    def _say(
        self, name: str, title: str, style: Style, request: Mapping[str, float] | None = None
    ) -> Clip:
        return self._spoken(
            name, title, style, self.voice.speak(self.text, style, self.seed), request
        )

    def _spoken(
        self,
        name: str,
        title: str,
        style: Style,
        speech: Speech,
        request: Mapping[str, float] | None = None,
    ) -> Clip:
        return self._clip(name, title, str(style), speech.waveform, self._tokens, request)

    def _recorded(self, name: str, cut: Any) -> Clip:
        supervision = cut.supervisions[0]
        waveform, _ = read_audio(_path(cut), self.voice.sample_rate)
        tokens = [t for part in self.voice.phonemize(supervision.text) for t in part]
        note = f"recording of {supervision.speaker}: “{supervision.text}”"
        return self._clip(f"recording-{name}".lower(), f"{name}, natural", note, waveform, tokens)

    def _clip(
        self,
        name: str,
        title: str,
        note: str,
        waveform: NDArray[np.float32],
        tokens: Sequence[str],
        request: Mapping[str, float] | None = None,
    ) -> Clip:
        rate, mel = self.voice.sample_rate, self.voice.bundle.mel
        f0_hz = track_f0(waveform, rate, mel.hop_length, "praat")
        return Clip(
            name=name,
            title=title,
            note=note,
            waveform=waveform,
            sample_rate=rate,
            mels=self._analyse(torch.from_numpy(waveform)).numpy(),
            f0_hz=f0_hz,
            acoustics=measure_acoustics(waveform, rate, tokens, f0_hz),
            request=dict(request or {}),
        )


def contrasting_pair(cuts: Sequence[Any]) -> tuple[Any, Any]:
    """The slowest recording (letters a second) and the fastest of another speaker.

    Recordings of ``PAIR_SECONDS`` are preferred; the same speaker is taken where there is but one.

    Raises:
        ValueError: there are fewer than two recordings.
    """
    if len(cuts) < 2:
        raise ValueError(
            f"expected two test recordings or more, got {len(cuts)}; prepare more utterances"
        )
    low, high = PAIR_SECONDS
    middling = [cut for cut in cuts if low <= cut.duration <= high]
    pool = sorted(middling if len(middling) > 1 else cuts, key=_letters_per_s)
    slow = pool[0]
    others = [c for c in pool[1:] if c.supervisions[0].speaker != slow.supervisions[0].speaker]
    return slow, (others or pool[1:])[-1]


def _letters_per_s(cut: Any) -> float:
    return len(cut.supervisions[0].text) / cut.duration


def _path(cut: Any) -> str:
    return str(cut.recording.sources[0].source)


def _short(style: Style) -> str:
    """A style in words, a reference by its file's name alone."""
    words = str(style).split(",")
    return ", ".join(f"reference={Path(w).name}" if w.startswith("reference=") else w for w in words)
