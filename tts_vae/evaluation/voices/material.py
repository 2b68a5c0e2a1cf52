"""What the sections of one evaluation share: recordings, their synthesis, example sounds."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_vae.audio.files import write_wav
from tts_vae.corpora.manifests import read_corpus, speaker_genders
from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.evaluation.voices.held_out import (
    HeldOut,
    HeldOutRecording,
    held_out_recordings,
    speak_recordings,
)
from tts_vae.evaluation.voices.intelligibility import copy_synthesis
from tts_vae.evaluation.voices.own_level import FROM_TRAINING, NaturalSpeech
from tts_vae.evaluation.voices.posteriors import Posteriors, infer_posteriors
from tts_vae.synthesis.voice import Voice

USUAL_LIMIT = 150
"""Held-out recordings of an evaluation that nobody set a limit for."""

EXAMPLE_SECONDS = 4.0
"""Length of recording that example sounds are chosen by; shorter is better than longer."""

Waveform = NDArray[np.float32]


class Material:
    """Shared by the sections of one evaluation; every part is made when it is first asked for.

    Args:
        voice: what is measured.
        corpus: folder of the prepared corpus.
        out: folder of the report; example sounds go to its ``audio``.
        limit: held-out recordings used.
        seed: of everything random.
    """

    def __init__(self, voice: Voice, corpus: Path, out: Path, limit: int, seed: int) -> None:
        self.voice = voice
        self.corpus = corpus
        self.out = out
        self.limit = limit
        self.seed = seed

    @cached_property
    def corpus_notes(self) -> dict[str, Any]:
        """Contents of corpus.json."""
        return read_corpus(self.corpus)

    @property
    def embedded(self) -> bool:
        """Whether the corpus is the embedded one, whose true factors are known."""
        return self.corpus_notes.get("name") == "espeak"

    @cached_property
    def recordings(self) -> list[HeldOutRecording]:
        """Held-out recordings, evenly spread over the test split."""
        return held_out_recordings(self.corpus, self.voice.sample_rate, self.limit)

    @cached_property
    def items(self) -> list[HeldOut]:
        """The same, spoken by the voice in their own style."""
        return speak_recordings(self.voice, self.recordings, self.seed)

    @cached_property
    def copies(self) -> list[Waveform]:
        """The same recordings through the vocoder alone."""
        return copy_synthesis(self.voice, self.recordings, self.seed)

    @cached_property
    def posteriors(self) -> dict[str, Posteriors]:
        """What every site says of the recordings."""
        return infer_posteriors(self.voice, self.recordings)

    @cached_property
    def judge(self) -> Judge | None:
        """The judge that understands this voice; None where there is none."""
        return Judge.load("espeak") if self.embedded and self._speaks_like_espeak else None

    @cached_property
    def natural(self) -> NaturalSpeech:
        """Natural recordings, measured, and what is usual for their speakers."""
        per_speaker = self.count(FROM_TRAINING, least=20)
        return NaturalSpeech.of(self.voice, self.corpus, self.limit, per_speaker)

    @property
    def genders(self) -> Mapping[str, str]:
        """Speaker -> gender, as far as the corpus tells."""
        return speaker_genders(self.corpus)

    @cached_property
    def examples(self) -> list[int]:
        """Positions of three recordings to listen to: different speakers, comfortable lengths."""
        rate = self.voice.sample_rate
        off = [abs(len(r.natural) / rate - EXAMPLE_SECONDS) for r in self.recordings]
        nearest: list[int] = np.argsort(off, kind="stable").tolist()
        first: dict[str, int] = {}
        for index in nearest:
            first.setdefault(self.recordings[index].speaker, index)
        return list(dict.fromkeys([*first.values(), *nearest]))[:3]

    def count(self, usual: int, least: int = 1) -> int:
        """How many of something to measure: ``usual`` at the usual limit, in proportion at others.

        Args:
            usual: of an evaluation without a limit.
            least: never fewer.
        """
        return max(least, round(usual * self.limit / USUAL_LIMIT))

    def clip(self, name: str, waveform: Waveform, title: str, note: str = "") -> dict[str, Any]:
        """Keep an example sound.

        Args:
            name: file name without its ending, unique in the report.
            waveform: (samples,).
            title: a few words.
            note: where it comes from, or its recipe.

        Returns:
            "file" relative to the report, "title", "note" and "seconds".
        """
        path = write_wav(self.out / "audio" / f"{name}.wav", waveform, self.voice.sample_rate)
        seconds = len(waveform) / self.voice.sample_rate
        file = path.relative_to(self.out).as_posix()
        return {"file": file, "title": title, "note": note, "seconds": round(seconds, 2)}

    @property
    def _speaks_like_espeak(self) -> bool:
        return self.voice.bundle.metadata.get("corpus") == "espeak"
