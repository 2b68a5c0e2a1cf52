"""Speakers recorded only in noise, spoken clean (Hsu et al. 2019, section 4.3).

No label of noise is used in training or to speak. Afterwards the labels of other speakers'
recordings say which component of the prosody prior is the clean one, and the noisy speakers' texts
are spoken with it. The measure is the estimated SNR (:mod:`tts_vae.evaluation.measures.snr`),
beside that of the noisy recordings, of the texts spoken in the recordings' own style, and of what
the same utterances are without their noise, as they are and through the voice's vocoder.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tts_vae.audio.files import trim_silence
from tts_vae.audio.mel import MelSpectrogram
from tts_vae.corpora.espeak_originals import clean_originals
from tts_vae.evaluation.cards.dimension_lda import dimension_lda
from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.evaluation.measures.snr import wada_snr_db
from tts_vae.evaluation.voices.held_out import HeldOutRecording, held_out_recordings
from tts_vae.evaluation.voices.posteriors import Posteriors, infer_posteriors
from tts_vae.synthesis.voice import Voice

LEARNED_FROM = 400
"""Training recordings from which the clean component is told."""
LEAST_SHARE = 0.02
"""Share of those recordings from which a component may be the clean one."""


def voice_noise(
    voice: Voice, corpus: Path, limit: int | None = 40, seed: int = 0
) -> dict[str, Any]:
    """Speak the held-out texts of the always noisy speakers clean, and estimate the SNR.

    Args:
        voice: trained on the corpus; with components in its prosody site.
        corpus: prepared embedded corpus of which some speakers are never heard without noise.
        limit: texts, evenly spread over the noisy speakers' test recordings.
        seed: of the waveforms.

    Returns:
        ``noisy_speakers``; ``clean_component``, ``clean_share`` (of the recordings it is most
        responsible for) and ``usage`` of it; ``dimension`` and ``accuracy`` of the one dimension
        that tells noise best, and ``baseline``; ``n`` texts; ``snr_db``: median WADA-SNR of
        ``recordings``, ``own_style``, ``clean_component``, ``clean_mean`` (the mean of the other
        speakers' clean recordings), ``originals`` and ``originals_copied`` (through mels and
        vocoder); ``by_snr``: label in dB and estimate of each recording; ``per``: phone errors
        of what was spoken.

    Raises:
        ValueError: if no speaker is always noisy, or none of the others is heard both ways, or the
            voice has no components.
    """
    if not voice.components or voice.prosody_site is None:
        raise ValueError("this voice has no components to look for a clean one in")
    rate = voice.sample_rate
    learned = held_out_recordings(corpus, rate, LEARNED_FROM, split="train")
    tested = held_out_recordings(corpus, rate)
    always = always_noisy([*learned, *tested])
    known = [recording for recording in learned if recording.speaker not in always]
    labels = [_is_clean(recording) for recording in known]
    if not always or not 0 < sum(labels) < len(labels):
        raise ValueError(
            "no speaker of this corpus is heard in noise alone while others are heard both ways; "
            "prepare one with --noise-share 0.5 --always-noisy f2,m2"
        )
    site = infer_posteriors(voice, known)[voice.prosody_site]
    component, share, usage = clean_component(site, labels)
    told = dimension_lda(site.means, labels)
    items = [recording for recording in tested if recording.speaker in always]
    if limit is not None and len(items) > limit:
        items = [items[i] for i in np.linspace(0, len(items) - 1, limit).round().astype(int)]
    texts, originals = [item.text for item in items], clean_originals(corpus, [i.id for i in items])
    own = [voice.style(reference=item.path) for item in items]
    clean = [voice.style(speaker=item.speaker, component=component) for item in items]
    middle = torch.from_numpy(site.means[np.array(labels)].mean(0)).float()
    mean = [voice.style(speaker=item.speaker, vector=middle) for item in items]
    spoken = {
        "own_style": voice.speak_many(texts, own, seed=seed),
        "clean_component": voice.speak_many(texts, clean, seed=seed),
        "clean_mean": voice.speak_many(texts, mean, seed=seed),
    }
    analyse = MelSpectrogram(voice.bundle.mel)
    waves = {
        "recordings": [item.natural for item in items],
        **{name: [speech.waveform for speech in said] for name, said in spoken.items()},
        "originals": [originals[item.id] for item in items],
        "originals_copied": [
            voice.vocode(analyse(torch.from_numpy(originals[item.id])).unsqueeze(0), seed)
            for item in items
        ],
    }
    estimates = {name: _estimates(each, rate) for name, each in waves.items()}
    judge = Judge.load("espeak")
    return {
        "noisy_speakers": sorted(always),
        "clean_component": component,
        "clean_share": share,
        "usage": usage,
        "dimension": told.best,
        "accuracy": float(told.accuracy[told.best]),
        "baseline": told.baseline,
        "n": len(items),
        "snr_db": {name: float(np.median(values)) for name, values in estimates.items()},
        "by_snr": [
            [float(item.factors["snr_db"]), float(estimate)]
            for item, estimate in zip(items, estimates["recordings"], strict=True)
        ],
        "per": {
            name: judge.per_of_waveforms(
                [speech.phones for speech in said], [speech.waveform for speech in said], rate
            ).summary()
            for name, said in spoken.items()
        },
    }


def always_noisy(recordings: Sequence[HeldOutRecording]) -> set[str]:
    """Speakers of whom no recording is clean."""
    clean = {recording.speaker for recording in recordings if _is_clean(recording)}
    return {recording.speaker for recording in recordings} - clean


def clean_component(site: Posteriors, clean: Sequence[bool]) -> tuple[int, float, float]:
    """The component most of whose recordings are clean; of equals the one most used.

    Args:
        site: of a mixture, over recordings.
        clean: of each recording.

    Returns:
        The component, the share of clean recordings among those it is most responsible for, and
        the share of all recordings that those are.

    Raises:
        ValueError: if the site has no components.
    """
    if site.assignments is None:
        raise ValueError("this site has no components; train a mixture")
    shares = np.full(site.components, -1.0)
    usage = np.bincount(site.assignments, minlength=site.components) / len(site.assignments)
    flags = np.asarray(clean, dtype=float)
    for component in np.flatnonzero(usage >= LEAST_SHARE):
        shares[component] = flags[site.assignments == component].mean()
    best = int(np.lexsort((usage, shares))[-1])  # of equals the one most used
    return best, float(shares[best]), float(usage[best])


def _is_clean(recording: HeldOutRecording) -> bool:
    return recording.factors.get("snr_db") is None


def _estimates(waves: Sequence[NDArray[np.float32]], rate: int) -> NDArray[np.float64]:
    return np.array([wada_snr_db(trim_silence(wave, rate, margin_s=0.0)) for wave in waves])
