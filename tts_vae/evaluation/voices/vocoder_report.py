"""A vocoder beside Griffin-Lim: how near the mels its sound has, how fast it is, a picture.

Copy-synthesis: the mels of held-out recordings are made into sound and analysed again. Both take
turns on every clip, so that a busy machine slows both.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from tts_vae.audio.griffin_lim import GriffinLim, Vocoder
from tts_vae.audio.mel import MelConfig, MelSpectrogram
from tts_vae.corpora.manifests import write_json
from tts_vae.training.vocoder_data import Recordings
from tts_vae.whole_file import whole_file

_LOG_MAGNITUDES = (-7.0, 4.0)
_ROUNDS = 3  # timed turns of each on every clip; the fastest counts


def report_vocoder(
    vocoder: Vocoder,
    corpus_dir: Path,
    out: Path,
    mel: MelConfig,
    split: str = "test",
    clips: int = 24,
    iterations: int = 60,
) -> dict[str, Any]:
    """Measure a vocoder and Griffin-Lim on the same clips, in turns.

    Args:
        vocoder: mels -> waveform.
        corpus_dir: prepared corpus.
        out: folder for metrics.json and spectrograms.png.
        mel: analysis constants.
        split: whose recordings, spread over it.
        clips: how many.
        iterations: of Griffin-Lim.

    Returns:
        The contents of metrics.json: for ``vocoder`` and ``griffin_lim`` the mean absolute
        difference ``mel_l1`` of the natural-log mels, over all frames, and the real-time factor
        ``rtf``, median over the clips; ``time_ratio`` of the two, median over the clips.

    Raises:
        ValueError: if the split is empty or ``clips`` is not positive.
    """
    recordings = Recordings(corpus_dir, split, mel)
    if not len(recordings) or clips < 1:
        raise ValueError(
            f"expected recordings in {split} and clips >= 1, got {len(recordings)} and {clips}; "
            "choose another evaluation.split"
        )
    analysis = MelSpectrogram(mel)
    contestants: dict[str, Vocoder] = {
        "vocoder": vocoder,
        "griffin_lim": GriffinLim(mel, iterations=iterations),
    }
    errors: dict[str, list[Tensor]] = {name: [] for name in contestants}
    factors: dict[str, list[float]] = {name: [] for name in contestants}
    chosen = np.linspace(0, len(recordings) - 1, min(clips, len(recordings))).round().astype(int)
    drawn: list[tuple[str, Tensor]] = []
    for number, index in enumerate(chosen.tolist()):
        clip = recordings[recordings.whole(index)]
        mels, natural = clip.mels, clip.audio[0]
        if number == 0:
            drawn.append((f"natural: {recordings.ids[index]}", natural))
            for speak in contestants.values():
                speak(mels)  # first calls allocate
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(_ROUNDS):
            for name, speak in contestants.items():
                wall, waveform = _timed(speak, mels)
                seconds[name].append(wall)
                if len(seconds[name]) == 1:
                    errors[name].append((analysis(waveform[0]) - mels[0]).abs().mean(1))
                    if number == 0:
                        drawn.append((name.replace("_", "-"), waveform[0]))
        audio_s = len(natural) / mel.sample_rate
        for name, walls in seconds.items():
            factors[name].append(min(walls) / audio_s)
    ratios = [
        slow / fast for slow, fast in zip(factors["griffin_lim"], factors["vocoder"], strict=True)
    ]
    report: dict[str, Any] = {
        name: {
            "mel_l1": round(float(torch.cat(errors[name]).mean()), 4),
            "rtf": round(statistics.median(factors[name]), 5),
        }
        for name in contestants
    }
    report |= {
        "time_ratio": round(statistics.median(ratios), 2),
        "clips": len(chosen),
        "split": split,
        "iterations": iterations,
        "threads": torch.get_num_threads(),
    }
    out.mkdir(parents=True, exist_ok=True)
    draw(drawn, mel, out / "spectrograms.png")
    write_json(out / "metrics.json", report)
    return report


def draw(waveforms: list[tuple[str, Tensor]], mel: MelConfig, path: Path) -> None:
    """Log-magnitude spectrograms below each other, (title, (samples,)) each, to a PNG."""
    figure = Figure(figsize=(11, 2.6 * len(waveforms)), dpi=110, layout="constrained")
    axes: Any = figure.subplots(len(waveforms), 1, squeeze=False, sharex=True)
    window = torch.hann_window(mel.n_fft)
    for axis, (title, samples) in zip(axes[:, 0], waveforms, strict=True):
        hop = mel.hop_length // 2
        spectrum = torch.stft(
            samples.float(), mel.n_fft, hop, window=window, return_complex=True
        ).abs()
        axis.imshow(
            spectrum.clamp(min=1e-4).log().numpy(),
            origin="lower",
            aspect="auto",
            extent=(0, len(samples) / mel.sample_rate, 0, mel.sample_rate / 2000),
            vmin=_LOG_MAGNITUDES[0],
            vmax=_LOG_MAGNITUDES[1],
            cmap="magma",
        )
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_ylabel("kHz")
    axes[-1, 0].set_xlabel("s")
    with whole_file(path) as partial:
        figure.savefig(partial, format="png")


def _timed(speak: Callable[[Tensor], Tensor], mels: Tensor) -> tuple[float, Tensor]:
    start = time.perf_counter()
    waveform = speak(mels)
    return time.perf_counter() - start, waveform
