"""Whose voice is it? A closed-set classifier that has only ever heard natural speech.

A recording is described by its timbre alone: means, standard deviations and correlations over its
speech frames of mel cepstra 1 to ``ORDER`` (no level, no F0, so neither loudness nor a raised pitch
makes somebody else of a speaker). Linear discriminant analysis of those is the classifier, and its
discriminants, in which speakers lie apart and one speaker's recordings form a ball, are the
embedding. What it is worth is told by held-out natural recordings, before it judges anything
synthetic.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts_vae.audio.files import SPEECH_TOP_DB
from tts_vae.evaluation.measures.cepstral_distance import log_mels, mel_cepstra
from tts_vae.evaluation.measures.summary import require_pairs

ORDER = 13

Waveform = NDArray[np.floating]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SpeakerFigures:
    """Clips against the speakers they should sound like.

    Attributes:
        n: clips.
        accuracy: share recognised as the speaker they should be.
        same: mean cosine of the embedding to the mean of that speaker's held-out recordings.
        different: mean cosine to the means of the other speakers.
        confusion: speaker -> recognised as -> clips.
    """

    n: int
    accuracy: float
    same: float
    different: float
    confusion: Mapping[str, Mapping[str, int]]

    def summary(self) -> dict[str, Any]:
        """Plain numbers for a metrics file."""
        return asdict(self)


class SpeakerClassifier:
    """Tells the speakers of natural recordings apart.

    Args:
        waveforms: (samples,) each, of two or more speakers with two or more recordings each.
        speakers: of each.
        sample_rate: Hz.

    Attributes:
        speakers: the names it knows.

    Raises:
        ValueError: there are too few recordings, or a name is missing for one.
    """

    def __init__(
        self, waveforms: Sequence[Waveform], speakers: Sequence[str], sample_rate: int
    ) -> None:
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        require_pairs(waveforms, speakers, "recordings")
        counts = {name: list(speakers).count(name) for name in dict.fromkeys(speakers)}
        if len(counts) < 2 or min(counts.values()) < 2:
            raise ValueError(
                f"expected two speakers or more with two recordings or more each, got {counts}; "
                "a single speaker cannot be told from anybody"
            )
        self.sample_rate = sample_rate
        self.speakers = tuple(sorted(counts))
        # equal priors: how often somebody was recorded says nothing about who speaks
        priors = np.full(len(counts), 1 / len(counts))
        self._lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto", priors=priors)
        table = self._describe(waveforms)
        self._middle, self._scale = table.mean(0), np.maximum(table.std(0), 1e-9)
        self._lda.fit((table - self._middle) / self._scale, list(speakers))

    def predict(self, waveforms: Sequence[Waveform]) -> list[str]:
        """The speaker whom each clip sounds like most."""
        if not len(waveforms):
            return []
        return [str(name) for name in self._lda.predict(self._standardised(waveforms))]

    def embed(self, waveforms: Sequence[Waveform]) -> Floats:
        """Discriminants of each clip, (clips, speakers - 1) at most; 0 is the middle of all."""
        return np.asarray(self._lda.transform(self._standardised(waveforms)), dtype=np.float64)

    def _standardised(self, waveforms: Sequence[Waveform]) -> Floats:
        return (self._describe(waveforms) - self._middle) / self._scale

    def _describe(self, waveforms: Sequence[Waveform]) -> Floats:
        return np.stack([timbre(waveform, self.sample_rate) for waveform in waveforms])


def timbre(waveform: Waveform, sample_rate: int) -> Floats:
    """Mean, SD and correlations of mel cepstra over the speech of a clip, (ORDER (ORDER + 3) / 2,).

    Raises:
        ValueError: the clip is too short for a frame.
    """
    mels = log_mels(waveform, sample_rate)
    level = mels.max(1)
    loud = level > np.percentile(level, 99) - SPEECH_TOP_DB * math.log(10) / 20
    cepstra = mel_cepstra(mels[loud] if loud.any() else mels, ORDER)
    # a little is added so that digital silence and a pure tone have correlations too
    deviation = cepstra.std(0) + 1e-6
    standard = (cepstra - cepstra.mean(0)) / deviation
    correlations = standard.T @ standard / len(standard)
    return np.concatenate([cepstra.mean(0), deviation, correlations[np.triu_indices(ORDER, 1)]])


def speaker_centres(embeddings: ArrayLike, speakers: Sequence[str]) -> dict[str, Floats]:
    """Mean embedding of each speaker, (dimensions,)."""
    table = np.asarray(embeddings, dtype=np.float64)
    require_pairs(table, speakers, "recordings")  # type: ignore[arg-type]
    names = np.array(speakers)
    return {name: table[names == name].mean(0) for name in sorted(set(speakers))}


def speaker_figures(
    embeddings: ArrayLike,
    guesses: Sequence[str],
    speakers: Sequence[str],
    centres: Mapping[str, Floats],
    own_centre: bool = False,
) -> SpeakerFigures:
    """Accuracy and similarity of clips.

    Args:
        embeddings: (clips, dimensions).
        guesses: whom each was recognised as.
        speakers: who each should be; those without a centre have no similarity.
        centres: speaker -> mean embedding of held-out recordings (:func:`speaker_centres`).
        own_centre: the clips are the very recordings the centres come from: each is left out of
            the mean it is compared with.

    Raises:
        ValueError: the lists differ in length, or there is no clip.
    """
    table = np.asarray(embeddings, dtype=np.float64)
    require_pairs(guesses, speakers, "clips")
    require_pairs(table, speakers, "clips")  # type: ignore[arg-type]
    if not len(speakers):
        raise ValueError("expected at least one clip, got none; speak some texts")
    counts = {name: list(speakers).count(name) for name in set(speakers)}
    same, different = [], []
    for row, name in zip(table, speakers, strict=True):
        for other, centre in centres.items():
            if other != name:
                different.append(cosine(row, centre))
            elif not own_centre:
                same.append(cosine(row, centre))
            elif counts[name] > 1:
                rest = (centre * counts[name] - row) / (counts[name] - 1)
                same.append(cosine(row, rest))
    confusion: dict[str, dict[str, int]] = {}
    for name, guess in zip(speakers, guesses, strict=True):
        row_of = confusion.setdefault(name, {})
        row_of[guess] = row_of.get(guess, 0) + 1
    right = [name == guess for name, guess in zip(speakers, guesses, strict=True)]
    return SpeakerFigures(
        n=len(speakers),
        accuracy=float(np.mean(right)),
        same=float(np.nanmean(same)) if same else math.nan,
        different=float(np.nanmean(different)) if different else math.nan,
        confusion=confusion,
    )


def cosine(first: ArrayLike, second: ArrayLike) -> float:
    """Cosine of the angle between two vectors; NaN where one is 0."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths else math.nan
