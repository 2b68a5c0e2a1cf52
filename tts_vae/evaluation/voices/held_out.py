"""Held-out recordings of a corpus, and their texts as a voice speaks them in the same style."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from tts_vae.audio.files import read_audio
from tts_vae.corpora.manifests import read_cuts
from tts_vae.synthesis.style import Style
from tts_vae.synthesis.voice import Voice

T = TypeVar("T")


@dataclass
class HeldOutRecording:
    """One held-out recording.

    Attributes:
        id: of the utterance.
        text: what is said.
        kind: why it is held out: "sentence" or "factors".
        speaker: who says it.
        path: its file.
        natural: (samples,) the recording, at the voice's sample rate.
        factors: what the corpus truly knows of how it was said.
    """

    id: str
    text: str
    kind: str
    speaker: str
    path: Path
    natural: NDArray[np.float32]
    factors: dict[str, Any] = field(default_factory=dict)


@dataclass
class HeldOut(HeldOutRecording):
    """One held-out recording and what the voice made of its text.

    Attributes:
        style: the recording's own style.
        synthesis: (samples,) the text spoken freely in that style.
        tokens: what was spoken.
        frames: (synthesis, natural) lengths in frames.
    """

    style: Style = field(kw_only=True)
    synthesis: NDArray[np.float32] = field(kw_only=True)
    tokens: tuple[str, ...] = field(kw_only=True)
    frames: tuple[int, int] = field(kw_only=True)


def held_out_recordings(
    corpus: Path, sample_rate: int, limit: int | None = None, split: str = "test"
) -> list[HeldOutRecording]:
    """Read the test recordings of a prepared corpus, or those of another split.

    Args:
        corpus: its folder.
        sample_rate: Hz to read them at.
        limit: recordings used, evenly spread; None for all.
        split: "test", or "train" for what a measure itself learns from.

    Raises:
        ValueError: if the corpus is not prepared or has no recordings in that split.
    """
    cuts = list(read_cuts(corpus, split))
    if not cuts:
        raise ValueError(f"{corpus} has no {split} recordings; prepare more utterances")
    if limit is not None and len(cuts) > limit:
        cuts = [cuts[i] for i in np.linspace(0, len(cuts) - 1, limit).round().astype(int)]
    recordings = []
    for cut in cuts:
        supervision = cut.supervisions[0]
        path = Path(cut.recording.sources[0].source)
        custom = supervision.custom or {}
        recordings.append(
            HeldOutRecording(
                id=cut.id,
                text=supervision.text,
                kind=custom.get("held_out", "sentence"),
                speaker=supervision.speaker,
                path=path,
                natural=read_audio(path, sample_rate)[0],
                factors=dict(custom.get("factors") or {}),
            )
        )
    return recordings


def speak_recordings(
    voice: Voice, recordings: Sequence[HeldOutRecording], seed: int = 0
) -> list[HeldOut]:
    """Speak the text of every recording in the style of the recording itself."""
    items = []
    for recording in steps(recordings, "speaking held-out texts"):
        style = voice.style(reference=recording.path)
        speech = voice.speak(recording.text, style, seed=seed)
        items.append(
            HeldOut(
                **vars(recording),
                style=style,
                synthesis=speech.waveform,
                tokens=speech.phones,
                frames=(len(speech.mels), len(recording.natural) // voice.bundle.mel.hop_length),
            )
        )
    return items


def held_out_speech(
    voice: Voice, corpus: Path, limit: int | None = None, seed: int = 0
) -> list[HeldOut]:
    """Speak every held-out text in the style of its own recording.

    Raises:
        ValueError: if the corpus has no test recordings.
    """
    return speak_recordings(voice, held_out_recordings(corpus, voice.sample_rate, limit), seed)


def steps(items: Sequence[T], description: str) -> Iterable[T]:
    """A bar on standard error over items, if somebody sees it."""
    if not sys.stderr.isatty():
        return items
    return track(items, description, console=Console(stderr=True), transient=True)
