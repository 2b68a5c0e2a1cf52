"""Speech that no part of the text accounts for, and words that were never spoken: UDR and WDR.

Both of Shen et al. 2020 (Non-Attentive Tacotron, arXiv 2010.04301, section 4.1): the unaligned
duration ratio is the share of audio in stretches of more than a second aligned with nothing of the
text, the mark of babble and endless pauses; the word deletion rate is deleted words per word. An
error rate hides both where the rest is right.

What is heard is aligned with the text by the fewest errors, and among those by the fewest separate
gaps, so that babble after a sentence does not take the last words' places here and there.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tts_vae.evaluation.listeners.intelligibility import Judge, Waveform, spoken_phones
from tts_vae.evaluation.measures.error_rate import ErrorCounts, count_errors, normalise_text
from tts_vae.evaluation.measures.summary import require_pairs
from tts_vae.text.symbols import PAUSE_LABEL

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_S = 1.0
"""A stretch without text that lasts longer counts."""

Span = tuple[float, float]
Pair = tuple[int, int]


@dataclass(frozen=True)
class Heard:
    """What a recogniser heard in a clip.

    Attributes:
        phones: in order, pauses left out.
        spans: (start, end) of each in seconds.
        seconds: of the clip.
    """

    phones: tuple[str, ...]
    spans: tuple[Span, ...]
    seconds: float


@dataclass(frozen=True)
class Unaligned:
    """Figures over a corpus; NaN without audio or without words.

    Attributes:
        udr: unaligned seconds / seconds.
        wdr: words none of whose phones was heard / words.
        unaligned_s: for each clip.
        deleted_words: for each clip.
        seconds: in all.
        words: in all.
    """

    udr: float
    wdr: float
    unaligned_s: tuple[float, ...]
    deleted_words: tuple[int, ...]
    seconds: float
    words: int

    def summary(self) -> dict[str, Any]:
        """Plain numbers for a metrics file."""
        return {
            "udr": self.udr,
            "wdr": self.wdr,
            "clips": len(self.unaligned_s),
            "clips_with_unaligned": sum(seconds > 0 for seconds in self.unaligned_s),
            "deleted_words": sum(self.deleted_words),
            "words": self.words,
            "seconds": self.seconds,
        }


def unaligned_speech(
    judge: Judge,
    phonemise: Callable[[str], Sequence[str]],
    texts: Sequence[str],
    tokens: Sequence[Sequence[str]],
    waveforms: Sequence[Waveform],
    sample_rate: int,
) -> Unaligned:
    """UDR and WDR of clips by a phone recogniser.

    Args:
        judge: independent of the voice.
        phonemise: text to tokens, the front end of the voice; it finds where words begin.
        texts: of each clip.
        tokens: what should have been spoken in each.
        waveforms: (samples,) each.
        sample_rate: Hz.

    Raises:
        ValueError: the lists differ in length.
    """
    require_pairs(texts, waveforms, "clips")
    require_pairs(tokens, waveforms, "clips")
    unaligned, deleted, words, seconds = [], [], 0, 0.0
    for text, row, waveform in zip(texts, tokens, waveforms, strict=True):
        wanted = spoken_phones(row)
        heard = hear(judge, waveform, sample_rate)
        pairs = matches(wanted, heard.phones)
        unaligned.append(unaligned_seconds([heard.spans[j] for _, j in pairs], heard.seconds))
        spelt = [spoken_phones(phonemise(word)) for word in normalise_text(text).split()]
        deleted.append(count_deleted(word_of_each(spelt, wanted), {i for i, _ in pairs}))
        words += len(set(word_of_each(spelt, wanted)))
        seconds += heard.seconds
    return Unaligned(
        udr=sum(unaligned) / seconds if seconds else float("nan"),
        wdr=sum(deleted) / words if words else float("nan"),
        unaligned_s=tuple(unaligned),
        deleted_words=tuple(deleted),
        seconds=seconds,
        words=words,
    )


def unaligned_seconds(spans: Sequence[Span], seconds: float, longest_s: float = LONGEST_S) -> float:
    """Total length of the stretches without an aligned sound that are longer than ``longest_s``.

    Args:
        spans: (start, end) in seconds of every sound aligned with the text, in order.
        seconds: of the clip; what lies before the first and after the last sound counts too.
        longest_s: a stretch must be longer to count.
    """
    edges = [0.0, *(edge for span in spans for edge in span), seconds]
    gaps = [end - start for start, end in zip(edges[::2], edges[1::2], strict=True)]
    return float(sum(gap for gap in gaps if gap > longest_s))


def count_deleted(words: Sequence[int], heard: set[int]) -> int:
    """Words of which nothing was heard.

    Args:
        words: the word that each phone of the text belongs to.
        heard: positions of the phones that were heard right.
    """
    return len(set(words) - {words[position] for position in heard})


def word_deletion_rate(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Words of the references without a counterpart / words, for a recogniser of words.

    NaN without words.

    Raises:
        ValueError: the lists differ in length.
    """
    require_pairs(references, hypotheses, "texts")
    counts = [
        count_errors(normalise_text(said).split(), normalise_text(heard).split())
        for said, heard in zip(references, hypotheses, strict=True)
    ]
    total = sum(counts, ErrorCounts())
    length = total.reference_length
    return total.deletions / length if length else float("nan")


def word_of_each(spelt: Sequence[Sequence[str]], phones: Sequence[str]) -> list[int]:
    """The word each phone of a sentence belongs to.

    Words run into one another in a sentence (a vowel is reduced, a consonant dropped), so the
    phones of the words alone are aligned with those of the sentence; a phone that matches none
    belongs with the one before it.

    Args:
        spelt: phones of each word spoken alone.
        phones: of the sentence.
    """
    owner = [word for word, part in enumerate(spelt) for _ in part]
    alone = [phone for part in spelt for phone in part]
    found = {j: owner[i] for i, j in matches(alone, phones)}
    words, current = [], min(found.values(), default=0)
    for position in range(len(phones)):
        current = found.get(position, current)
        words.append(current)
    return words


@torch.inference_mode()
def hear(judge: Judge, waveform: Waveform, sample_rate: int) -> Heard:
    """What a judge hears in a clip and when: runs of its most probable labels."""
    mels = judge.mels(waveform, sample_rate)
    output = judge.recogniser(mels.unsqueeze(0), torch.ones(1, len(mels), dtype=torch.bool))
    best: NDArray[np.int64] = output.log_probs[0].argmax(-1).numpy()
    step_s = len(mels) / len(best) * judge.mel.hop_length / judge.mel.sample_rate
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    ends = np.append(starts[1:], len(best))
    phones, spans = [], []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        name = judge.labels[best[start]]
        if best[start] != 0 and name != PAUSE_LABEL:  # 0 is the blank of CTC
            phones.append(name)
            spans.append((start * step_s, end * step_s))
    return Heard(tuple(phones), tuple(spans), len(waveform) / sample_rate)


def matches(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> list[Pair]:
    """Equal symbols paired by an alignment of fewest errors, then fewest gaps: (i, j) in order.

    Gotoh 1982: one table for each of the last steps (both, reference alone, hypothesis alone), so
    that opening a gap can cost a little more than making it longer.
    """
    n, m = len(reference), len(hypothesis)
    opening = 1 / (2 * (n + m + 1))  # all the gaps there can be cost less than one error
    cost = np.full((3, n + 1, m + 1), np.inf)
    came = np.zeros((3, n + 1, m + 1), dtype=np.int8)
    cost[0, 0, 0] = 0
    for i in range(n + 1):
        for j in range(m + 1):
            for last, (di, dj) in enumerate(((1, 1), (1, 0), (0, 1))):
                if i < di or j < dj:
                    continue
                before = cost[:, i - di, j - dj].copy()
                if last:
                    before += 1 + opening
                    before[last] -= opening
                else:
                    before += reference[i - 1] != hypothesis[j - 1]
                best = int(before.argmin())
                cost[last, i, j], came[last, i, j] = before[best], best
    # the start itself is a pair of nothing and stays at cost 0
    i, j, last = n, m, int(cost[:, n, m].argmin())
    pairs = []
    while i or j:
        before_last = int(came[last, i, j])
        if last == 0 and reference[i - 1] == hypothesis[j - 1]:
            pairs.append((i - 1, j - 1))
        i, j = i - (last != 2), j - (last != 1)
        last = before_last
    return pairs[::-1]
