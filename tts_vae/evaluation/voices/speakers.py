"""Do the speakers of a voice sound like themselves, to a classifier of natural speech?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tts_vae.audio.mel import MelSpectrogram
from tts_vae.evaluation.measures.speaker_accuracy import (
    SpeakerClassifier,
    speaker_centres,
    speaker_figures,
)
from tts_vae.evaluation.voices.held_out import HeldOutRecording, held_out_recordings
from tts_vae.evaluation.voices.own_level import FROM_TRAINING
from tts_vae.synthesis.style import SPEAKER
from tts_vae.synthesis.voice import Voice


def voice_speakers(
    voice: Voice, corpus_dir: str | Path, limit: int = 80, seed: int = 0
) -> dict[str, Any]:
    """Accuracy and similarity of natural recordings, copy-synthesis and synthesis.

    The classifier learns from natural training recordings, ``FROM_TRAINING`` a speaker.

    Args:
        voice: to judge.
        corpus_dir: its prepared corpus.
        limit: held-out recordings.
        seed: of the waveforms.

    Returns:
        "classifier": what it is and learned from, "chance", and :class:`SpeakerFigures` for
        "natural" (judged first; each left out of the mean it is compared with), "copy_synthesis",
        "named" (the held-out texts by each speaker's name in the usual style; None for a voice
        without a speaker site) and "inferred" (in the style of each recording, its speaker
        inferred too). For a corpus of one speaker only {"undefined": why}.
    """
    corpus, rate = Path(corpus_dir), voice.sample_rate
    recordings = held_out_recordings(corpus, rate, limit)
    speakers = len({recording.speaker for recording in recordings})
    training = held_out_recordings(corpus, rate, FROM_TRAINING * speakers, "train")
    try:
        classifier = SpeakerClassifier(
            [r.natural for r in training], [r.speaker for r in training], rate
        )
    except ValueError as error:  # one speaker cannot be told from anybody
        return {"undefined": str(error)}
    own = [recording.speaker for recording in recordings]
    natural = [recording.natural for recording in recordings]
    embedded = classifier.embed(natural)
    centres = speaker_centres(embedded, own)

    def figures(waveforms: Sequence[NDArray[np.float32]], names: Sequence[str]) -> dict[str, Any]:
        guesses = classifier.predict(waveforms)
        return speaker_figures(classifier.embed(waveforms), guesses, names, centres).summary()

    texts = [recording.text for recording in recordings]
    named = None
    if SPEAKER in voice.bundle.model.sites:
        turn = [voice.speakers[i % len(voice.speakers)] for i in range(len(texts))]
        styles = [voice.style(speaker=name) for name in turn]
        spoken = voice.speak_many(texts, styles, seed=seed)
        named = figures([speech.waveform for speech in spoken], turn)
    inferred = voice.speak_many(
        texts, [voice.style(reference=recording.path) for recording in recordings], seed=seed
    )
    return {
        "classifier": "linear discriminants of mel-cepstral statistics, natural training "
        f"recordings: {len(training)}",
        "chance": 1 / len(classifier.speakers),
        "natural": speaker_figures(
            embedded, classifier.predict(natural), own, centres, own_centre=True
        ).summary(),
        "copy_synthesis": figures(_copies(voice, recordings, seed), own),
        "named": named,
        "inferred": figures([speech.waveform for speech in inferred], own),
    }


def _copies(
    voice: Voice, recordings: Sequence[HeldOutRecording], seed: int
) -> list[NDArray[np.float32]]:
    analyse = MelSpectrogram(voice.bundle.mel)
    return [
        voice.vocode(analyse(torch.from_numpy(recording.natural)).unsqueeze(0), seed)
        for recording in recordings
    ]
