"""Clips to listen to: one sentence in every style a voice offers, each measured as it is heard."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tts_vae.audio.files import read_audio
from tts_vae.audio.mel import MelSpectrogram
from tts_vae.audio.prosody import track_f0
from tts_vae.corpora.manifests import read_cuts
from tts_vae.evaluation.measures.acoustics import Acoustics, measure_acoustics, most_different
from tts_vae.synthesis.interpolation import interpolate
from tts_vae.synthesis.speech import Speech
from tts_vae.synthesis.style import SPEAKER, Style
from tts_vae.synthesis.voice import Voice

LEAST_USAGE = 0.01
"""Share of the training recordings from which a component counts as learned."""
PAIR_SECONDS = (1.8, 4.5)
BEGINNERS = 4
"""Clips of a voice that stands beside another."""


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


@dataclass(frozen=True)
class Control:
    """A shift in physical units: what is shown of it."""

    name: str
    unit: str
    neutral: float
    values: tuple[float, ...]
    text: str


CONTROLS = {
    "pitch_st": Control(
        "Pitch",
        "st",
        0.0,
        (-4.0, 0.0, 4.0),
        "Semitones added to the F0 of every phone; timing should stay as it is.",
    ),
    "rate": Control(
        "Rate",
        "×",
        1.0,
        (0.75, 1.0, 1.35),
        "The length of every phone divided by a factor; F0 should stay as it is.",
    ),
    "energy_db": Control(
        "Energy",
        "dB",
        0.0,
        (-6.0, 0.0, 6.0),
        "The whole spectrum raised or lowered; pitch and timing should stay as they are.",
    ),
}
"""Word of ``voice.style`` -> what the page shows of it."""


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
        return [*shown, *(partial(self.control, word) for word in CONTROLS)]

    def components(self) -> Section:
        """The sentence in every component, said by one speaker."""
        text = (
            "The prior of the prosody latent is a mixture; each component stands for one way of "
            "speaking that training found by itself. Same speaker, same sentence."
        )
        return Section("components", "One sentence in every component", text, self._components)

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
        clips = []
        for number, point in enumerate(steps):
            name, title = f"interpolation-{number}", f"Step {number + 1} of 9"
            clip = self._spoken(name, title, point.style, point.speech)
            clips.append(replace(clip, note=f"{100 * point.step:.3g} % of the way"))
        text = (
            f"Straight line in the latent space from {_short(start)} to {_short(end)}: the way of "
            "speaking should change evenly from clip to clip."
        )
        return Section("interpolation", "From one style to another", text, tuple(clips))

    def ends(self) -> tuple[Style, Style]:
        """Two clearly different styles: the components furthest apart of those in use."""
        usage = self._usage() or [1.0] * self.voice.components
        used = [k for k, share in enumerate(usage) if share >= LEAST_USAGE]
        if len(used) < 2:
            slow, fast = (self.voice.style(reference=_path(cut)) for cut in self.recordings)
            return slow, fast
        first, last = most_different([self._components[k].acoustics for k in used])
        return self.voice.style(component=used[first]), self.voice.style(component=used[last])

    def transfer(self) -> Section:
        """One recording's speaker with another's prosody, both ways, beside the recordings."""
        cuts = dict(zip("AB", self.recordings, strict=True))
        styles = {name: self.voice.style(reference=_path(cut)) for name, cut in cuts.items()}
        clips = [self._recorded(name, cut) for name, cut in cuts.items()]
        for who, how in ("AA", "AB", "BB", "BA"):
            title = f"{who}'s own style" if who == how else f"{who}'s voice with {how}'s prosody"
            clip = self._say(
                f"transfer-{who}-{how}".lower(), title, styles[who].with_prosody(styles[how])
            )
            clips.append(replace(clip, note=f"speaker of {who}, prosody of {how}"))
        text = (
            "Two held-out recordings, A and B. Both latents are inferred from each; then the "
            "speaker of one is joined with the prosody of the other, for a sentence neither said."
        )
        return Section("transfer", "A's voice with B's prosody", text, tuple(clips))

    def control(self, word: str) -> Section:
        """The sentence with a shift in physical units; ``word`` as in ``voice.style``."""
        control = CONTROLS[word]
        clips = []
        for number, value in enumerate(control.values):
            style = self.voice.style(**{word: value})  # type: ignore[arg-type]
            sign = "+" if control.neutral == 0 and value > 0 else ""
            title = f"{sign}{value:g} {control.unit}".replace("-", "\u2212")
            clips.append(self._say(f"{word}-{number}", title, style, {word: value}))
        name = word.replace("_", "-")
        return Section(name, f"{control.name} shifts", control.text, tuple(clips))

    def beginner(self) -> Section:
        """A few clips of a voice that stands beside another one: its first speakers."""
        names = list(self.voice.speakers)[:: max(1, len(self.voice.speakers) // BEGINNERS)]
        styles = {name: self.voice.style(speaker=name) for name in names[:BEGINNERS]}
        clips = [
            self._say(f"beginner-{name}", f"Speaker {name}", style)
            for name, style in styles.items()
        ] or [self._say("beginner", "Its usual style", self.voice.style())]
        text = (
            "The same sentence by the voice that was trained from nothing just now, through "
            "Griffin-Lim: all it has heard is the corpus beside this page."
        )
        return Section("beginner", "The voice trained just now", text, tuple(clips))

    @cached_property
    def _components(self) -> tuple[Clip, ...]:
        usage = self._usage()
        return tuple(
            self._say(
                f"component-{k}",
                f"Component {k}" + (f" ({100 * usage[k]:.0f} % of training)" if usage else ""),
                self.voice.style(component=k),
            )
            for k in range(self.voice.components)
        )

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
    return re.sub(r"reference=[^,]*[/\\]", "reference=", str(style))
