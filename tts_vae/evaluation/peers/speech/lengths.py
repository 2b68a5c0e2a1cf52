"""What speaking costs as a text grows, and whether a long text is still spoken as well."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from tts_vae.corpora.espeak_sentences import sentences
from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.synthesis.voice import Voice


@dataclass(frozen=True)
class Cost:
    """Of one text, medians over the repeats.

    Attributes:
        characters: of the text.
        ms_per_character: from text to the last sample.
        first_audio_ms: until the first sentence can be heard.
        rtf: seconds spent for a second of audio.
        per: phone error of the text spoken whole, by the judge of the embedded corpus.
        per_apart: of the same sentences spoken each on its own.
        phones: that both are counted over.
    """

    characters: int
    ms_per_character: float
    first_audio_ms: float
    rtf: float
    per: float
    per_apart: float
    phones: int


def cost_by_length(
    voice: Voice,
    lengths: Sequence[int],
    repeats: int = 5,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Cost]:
    """Speak texts of about these lengths, whole sentences of the embedded corpus's grammar.

    Every length is spoken once in each round, so that a slow minute of the machine is shared.

    Args:
        voice: of the embedded corpus's phones.
        lengths: characters, at least 1 each.
        repeats: timed rounds, after one that is not timed.
        seed: of the texts.
        clock: seconds, monotonic.

    Raises:
        ValueError: if a length or the repeats are below 1.
    """
    if repeats < 1 or min(lengths, default=0) < 1:
        raise ValueError(f"expected lengths and repeats of 1 or more, got {lengths} and {repeats}")
    parts = [_parts(length, seed) for length in lengths]
    spent: list[list[tuple[float, float, float]]] = [[] for _ in lengths]
    for turn in range(repeats + 1):
        for number, text in enumerate(map(" ".join, parts)):
            found = _timed(voice, text, clock)
            if turn:
                spent[number].append(found)
    judge = Judge.load("espeak")
    for sentences_of, times in zip(parts, spent, strict=True):
        whole, first, audio = (median(column) for column in zip(*times, strict=True))
        text = " ".join(sentences_of)
        long, short = voice.speak(text), voice.speak_many(sentences_of)
        rate = voice.sample_rate
        error = judge.per_of_waveforms([long.phones], [long.waveform], rate)
        apart = judge.per_of_waveforms([s.phones for s in short], [s.waveform for s in short], rate)
        yield Cost(
            len(text),
            1e3 * whole / len(text),
            1e3 * first,
            whole / audio,
            error.rate,
            apart.rate,
            error.total.reference_length,
        )


def _parts(length: int, seed: int) -> list[str]:
    """Sentences of about ``length`` characters together; below the first one, its beginning."""
    texts: list[str] = []
    for sentence in sentences(np.random.default_rng(seed)):
        room = length - len(" ".join(texts))
        if texts and len(sentence) + 1 > room:
            return texts
        if not texts and len(sentence) > room:
            words = sentence.split()
            while len(words) > 1 and len(" ".join(words)) > room:
                words.pop()
            return [" ".join(words)]
        texts.append(sentence)
    raise AssertionError("the grammar has no end")


def _timed(voice: Voice, text: str, clock: Callable[[], float]) -> tuple[float, float, float]:
    """Seconds until the end and until the first sentence, and seconds of audio."""
    start, first, audio = clock(), None, 0.0
    for speech in voice.stream(text):
        first = clock() - start if first is None else first
        audio += speech.duration_s
    assert first is not None
    return clock() - start, first, audio
