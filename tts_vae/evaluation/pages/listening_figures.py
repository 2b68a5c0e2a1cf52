"""Pictures for the listening page: spectrograms without margins, latent maps for any background."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike

from tts_vae.evaluation.voices.latent_map import LatentMap
from tts_vae.training.figures import latent_map_figure
from tts_vae.whole_file import whole_file

INCHES_PER_S, HEIGHT_INCHES, DPI = 1.7, 1.5, 160
F0_TICKS_HZ = (100, 200, 300)
F0_RANGE_HZ = (50.0, 420.0)
LOG_MAGNITUDES = (-9.5, 1.5)
NEUTRAL = "#808790"
"""A grey that is legible on a light page and on a dark one."""

FACTOR_TITLES = {
    "f0_median_hz": "median F0 (Hz)",
    "phones_per_s": "rate (phones/s)",
    "rms_db": "level (dB)",
}


def f0_scale() -> dict[str, float]:
    """Labels of the F0 scale of a mel picture -> height as a share of the picture."""
    low, high = F0_RANGE_HZ
    return {f"{hz} Hz": math.log(hz / low) / math.log(high / low) for hz in F0_TICKS_HZ}


def mel_picture(mels: ArrayLike, f0_hz: ArrayLike, hop_s: float) -> Figure:
    """A mel spectrogram that fills its picture, with the F0 contour and lines of its scale on top.

    Equal times are equally wide in every picture, and F0 has one scale for all: ``f0_scale``.

    Args:
        mels: (frames, n_mels) natural-log magnitude.
        f0_hz: (frames,) Hz, 0 where unvoiced.
        hop_s: seconds per frame.
    """
    image, contour = np.asarray(mels).T, np.array(f0_hz, dtype=float)
    contour[contour <= 0] = np.nan
    seconds = image.shape[1] * hop_s
    figure = Figure(figsize=(max(seconds, 0.3) * INCHES_PER_S, HEIGHT_INCHES), dpi=DPI)
    axis: Any = figure.add_axes((0, 0, 1, 1))
    low, high = LOG_MAGNITUDES
    axis.imshow(
        image,
        origin="lower",
        aspect="auto",
        extent=(0, seconds, 0, 1),
        vmin=low,
        vmax=high,
        cmap="magma",
        interpolation="bilinear",
    )
    axis.axis("off")
    pitch = axis.twinx()
    pitch.axis("off")
    pitch.set(xlim=(0, seconds), ylim=F0_RANGE_HZ)
    pitch.set_yscale("log")
    outline = [withStroke(linewidth=3.2, foreground="#06202b")]
    times = (np.arange(len(contour)) + 0.5) * hop_s
    pitch.plot(times, contour, color="#7df9ff", lw=1.6, path_effects=outline)
    for tick in F0_TICKS_HZ:
        pitch.axhline(tick, color="white", lw=0.4, alpha=0.35)
    return figure


def map_pictures(points: LatentMap, means: ArrayLike | None = None) -> dict[str, Figure]:
    """Latent maps: prosody by every known factor and by speaker, the speaker site by speaker.

    Args:
        points: posteriors of recordings.
        means: (components, width) of the prosody mixture, drawn as numbers.

    Returns:
        file stem -> figure.
    """
    pictures: dict[str, Figure] = {}
    for site, codes in points.codes.items():
        colours: dict[str, ArrayLike] = {}
        if site != "speaker":
            colours |= {
                FACTOR_TITLES.get(name, name): values for name, values in points.factors.items()
            }
        if len(set(points.speakers)) > 1:
            colours["speaker"] = points.speakers
        for number, (title, values) in enumerate((colours or {"": np.zeros(len(codes))}).items()):
            shown = means if site != "speaker" else None
            figure = latent_map_figure(codes, {f"{site} by {title}": values}, shown)
            pictures[f"map-{site}-{number}"] = _on_any_background(figure)
    return pictures


def save_png(figure: Figure, path: Path) -> Path:
    """Write a picture whole or not at all; the same figure gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        figure.savefig(partial, format="png", metadata={"Software": None})
    return path


def _on_any_background(figure: Figure) -> Figure:
    """Transparent, with everything that is text or line in a neutral grey."""
    figure.set_dpi(DPI)
    figure.patch.set_alpha(0)
    for axis in figure.axes:
        axis.patch.set_alpha(0)
        for number in axis.texts:  # components: within the picture, wherever they lie
            number.set_in_layout(False)
            number.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
            axis.update_datalim([number.get_position()])
        axis.autoscale_view()
        axis.tick_params(colors=NEUTRAL, labelsize=7)
        axis.title.set_color(NEUTRAL)
        for label in (axis.xaxis.label, axis.yaxis.label):
            label.set_color(NEUTRAL)
            label.set_fontsize(8)
        for spine in axis.spines.values():
            spine.set_color(NEUTRAL)
        legend = axis.get_legend()
        if legend is not None:
            legend.get_frame().set_alpha(0)
            for text in legend.get_texts():
                text.set_color(NEUTRAL)
    return figure
