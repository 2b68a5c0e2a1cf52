"""Is the voice understood? Error rates of natural recordings, copy-synthesis and synthesis."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tts_vae.audio.mel import MelSpectrogram
from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.evaluation.listeners.outside_recognisers import (
    PocketsphinxRecogniser,
    text_error_rates,
)
from tts_vae.evaluation.measures.error_rate import ErrorRate
from tts_vae.evaluation.voices.held_out import HeldOut, HeldOutRecording, steps
from tts_vae.synthesis.voice import Voice

Waveforms = Sequence[NDArray[np.floating]]


def copy_synthesis(
    voice: Voice, recordings: Sequence[HeldOutRecording], seed: int = 0
) -> list[NDArray[np.float32]]:
    """Every recording through mels and the voice's vocoder alone, (samples,) each."""
    analyse = MelSpectrogram(voice.bundle.mel)
    return [
        voice.vocode(analyse(torch.from_numpy(recording.natural)).unsqueeze(0), seed)
        for recording in steps(recordings, "copy-synthesis")
    ]


def intelligibility(
    voice: Voice, items: Sequence[HeldOut], seed: int = 0, copies: Waveforms | None = None
) -> dict[str, Any]:
    """Error rates of natural recordings, their copy-synthesis and synthesis, per held-out kind.

    Phone error by the shipped judge for a voice of the embedded corpus, else word and character
    error by pocketsphinx, which understands real voices alone.

    Args:
        voice: who spoke.
        items: held-out recordings and what the voice made of them.
        seed: of the copy-synthesis.
        copies: copy-synthesis of the items, if it is there already.

    Returns:
        "measure", "judge", "all" (and each kind) -> "natural", "copy_synthesis", "synthesis" ->
        rates with interval; "items": errors and reference lengths of each utterance.

    Raises:
        ImportError: pocketsphinx is needed and not installed.
    """
    sounds: dict[str, Waveforms] = {
        "natural": [item.natural for item in items],
        "copy_synthesis": copy_synthesis(voice, items, seed) if copies is None else copies,
        "synthesis": [item.synthesis for item in items],
    }
    if voice.bundle.metadata.get("corpus") == "espeak":
        return _by_judge(voice, items, sounds)
    recogniser = PocketsphinxRecogniser()
    texts = [item.text for item in items]
    result, rates = {}, {}
    for name, waves in sounds.items():
        found = text_error_rates(recogniser, texts, waves, voice.sample_rate)
        result[name] = {"wer": found.wer.summary(), "cer": found.cer.summary()}
        rates[name] = found.cer
    return {
        "measure": "WER and CER",
        "judge": recogniser.name,
        "all": result,
        "items": _items(items, rates),
    }


def _by_judge(
    voice: Voice, items: Sequence[HeldOut], sounds: Mapping[str, Waveforms]
) -> dict[str, Any]:
    judge = Judge.load("espeak")
    kinds = {"all": list(range(len(items)))}
    for index, item in enumerate(items):
        kinds.setdefault(item.kind, []).append(index)
    result: dict[str, Any] = {"measure": "PER", "judge": "espeak"}
    for kind, chosen in kinds.items():
        tokens = [items[i].tokens for i in chosen]
        rates = {
            name: judge.per_of_waveforms(tokens, [waves[i] for i in chosen], voice.sample_rate)
            for name, waves in sounds.items()
        }
        result[kind] = {name: rate.summary() for name, rate in rates.items()}
        if kind == "all":
            result["items"] = _items(items, rates)
    return result


def _items(items: Sequence[HeldOut], rates: Mapping[str, ErrorRate]) -> dict[str, list[Any]]:
    """Errors and reference length of each utterance: what voices are compared by."""
    found: dict[str, list[Any]] = {"id": [item.id for item in items]}
    for name, rate in rates.items():
        found[name] = [counts.errors for counts in rate.utterances]
    found["length"] = [counts.reference_length for counts in rates["synthesis"].utterances]
    return found
