"""What a voice is calibrated on: sentences it may be fitted to, recordings, and who listens."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tts_vae.audio.files import read_audio
from tts_vae.corpora.espeak_sentences import sentences
from tts_vae.corpora.manifests import read_corpus, read_cuts
from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.evaluation.voices.held_out import HeldOutRecording
from tts_vae.synthesis.voice import Voice
from tts_vae.text.sentences import split_sentences

CHARACTERS = (24, 110)
"""Length of a sentence that is measured: shorter ones have too few phones for a rate or a range."""


def prepared_corpus(voice: Voice, corpus: str | Path | None) -> Path | None:
    """The corpus that is given, else that of the voice's training if it is still there.

    Raises:
        ValueError: the given folder is no prepared corpus.
    """
    if corpus is not None:
        read_corpus(Path(corpus))
        return Path(corpus)
    noted = voice.bundle.metadata.get("corpus_dir")
    here = noted is not None and (Path(noted) / "corpus.json").is_file()
    return Path(noted) if here else None  # type: ignore[arg-type]


def judge_of(voice: Voice) -> Judge | None:
    """The judge that understands this voice; None where there is none."""
    return Judge.load("espeak") if voice.bundle.metadata.get("corpus") == "espeak" else None


def training_texts(corpus: Path | None, count: int, seed: int) -> list[str]:
    """Different sentences that a voice may be fitted to, in random order.

    Args:
        corpus: prepared; its training split is used. None makes sentences of the embedded grammar.
        count: how many.
        seed: which, and their order.

    Raises:
        ValueError: the corpus has too few.
    """
    generator = np.random.default_rng(seed)
    if corpus is None:
        made = (text for text in sentences(generator) if _fits(text))
        return [next(made) for _ in range(count)]
    return _chosen(_texts(corpus, "train"), count, generator, corpus)


def unseen_texts(corpus: Path, count: int, seed: int) -> list[str]:
    """Different sentences that no voice of the corpus was fitted to, in random order.

    Raises:
        ValueError: the corpus has too few.
    """
    trained = set(_texts(corpus, "train"))
    unseen = [text for text in _texts(corpus, "test") if text not in trained]
    return _chosen(unseen, count, np.random.default_rng(seed), corpus)


def recordings_of(
    corpus: Path, split: str, sample_rate: int, limit: int, seed: int
) -> list[HeldOutRecording]:
    """Some recordings of a split, drawn at random.

    Args:
        corpus: prepared.
        split: "train" or "test".
        sample_rate: Hz to read them at.
        limit: how many at most.
        seed: which.
    """
    cuts: list[Any] = list(read_cuts(corpus, split))
    order = np.random.default_rng(seed).permutation(len(cuts))[:limit]
    recordings = []
    for cut in (cuts[i] for i in sorted(order.tolist())):
        supervision = cut.supervisions[0]
        path = Path(cut.recording.sources[0].source)
        natural = read_audio(path, sample_rate)[0]
        recordings.append(
            HeldOutRecording(
                cut.id, supervision.text, split, supervision.speaker, path=path, natural=natural
            )
        )
    return recordings


def _texts(corpus: Path, split: str) -> list[str]:
    cuts = read_cuts(corpus, split)
    return list(dict.fromkeys(cut.supervisions[0].text for cut in cuts))


def _fits(text: str) -> bool:
    return CHARACTERS[0] <= len(text) <= CHARACTERS[1] and len(split_sentences(text)) == 1


def _chosen(
    texts: Sequence[str], count: int, generator: np.random.Generator, corpus: Path
) -> list[str]:
    fitting = [text for text in texts if _fits(text)]
    if len(fitting) < count:
        raise ValueError(
            f"expected {count} sentences of {CHARACTERS[0]} to {CHARACTERS[1]} characters in "
            f"{corpus}, got {len(fitting)}; ask for fewer sentences, or prepare more utterances"
        )
    return [fitting[i] for i in generator.permutation(len(fitting))[:count]]
