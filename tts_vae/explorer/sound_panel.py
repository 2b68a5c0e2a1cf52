"""One sound as a phonetician looks at it: waveform, mel, F0 and phones over one time axis.

Everything is placed in percent of the time axis, so it fits any width without a picture being
stretched, and a playhead runs over all of it.
"""

import base64
import io
import math
from dataclasses import dataclass
from html import escape

import numpy as np
from matplotlib import colormaps
from numpy.typing import ArrayLike, NDArray

from tts_vae.audio.prosody import track_f0
from tts_vae.explorer.audio_bytes import wav_bytes
from tts_vae.synthesis.speech import Speech
from tts_vae.text.symbols import PAUSE_LABEL, plain_phone

PIXELS_PER_S = 190
"""Narrowest that a second is drawn: a phone of 60 ms has room for its symbol."""

_COLUMNS = 1_600  # of the waveform's outline
_MEL_COLUMNS = 2_400
_FLOOR, _CEILING = -9.0, 1.0  # natural-log magnitude: from black to white
_F0_HOP_S = 0.005
_RUNGS_HZ = (60, 80, 100, 125, 150, 200, 250, 300, 400, 500)
_SPAN_ST = 12.0  # the F0 axis shows an octave at least


@dataclass(frozen=True)
class Contour:
    """F0 of a sound.

    Attributes:
        times_s: (frames,) middles of the frames.
        hz: (frames,), 0 where unvoiced.
    """

    times_s: NDArray[np.float64]
    hz: NDArray[np.float32]


def contour(speech: Speech) -> Contour:
    """F0 of a sound by Praat's autocorrelation, 5 ms hop, 60-500 Hz.

    Raises:
        ValueError: if praat-parselmouth is not installed.
    """
    hop = round(_F0_HOP_S * speech.sample_rate)
    hz = track_f0(speech.waveform, speech.sample_rate, hop_length=hop, tracker="praat")
    return Contour((np.arange(len(hz)) + 0.5) * hop / speech.sample_rate, hz)


def sound_panel(
    speech: Speech, f0: Contour, title: str, textgrid: str, autoplay: bool = True
) -> str:
    """The sound with its player, as HTML.

    Args:
        speech: what to show.
        f0: its contour.
        title: one line: who speaks, how.
        textgrid: its TextGrid, to be downloaded.
        autoplay: whether it plays by itself.
    """
    seconds = max(speech.duration_s, 1e-3)
    return (
        f'<div class="sound">{_player(speech, title, autoplay, textgrid)}'
        f'<div class="scroll" tabindex="0" role="group" '
        f'aria-label="waveform, mel spectrogram, F0 and phones; {seconds:.2f} s">'
        f'<div class="track" style="min-width:{seconds * PIXELS_PER_S:.0f}px">'
        f'{_wave(speech)}<div class="strip spectrum"><img alt="" src="{_mel(speech)}"/>'
        f"<b>mel spectrogram, 0&#8211;8 kHz</b></div>"
        f"{_f0([f0], [''], seconds)}{_phones(speech)}{_times(seconds)}"
        '<i class="playhead"></i></div></div></div>'
    )


def steps_panel(
    joined: Speech, contours: list[Contour], colours: list[str], title: str, autoplay: bool = True
) -> str:
    """Sounds one after the other with their F0 contours over each other, as HTML.

    Args:
        joined: all of them.
        contours: of each.
        colours: of each.
        title: one line.
        autoplay: whether it plays by itself.
    """
    seconds = max(float(one.times_s[-1]) for one in contours)
    return (
        f'<div class="sound">{_player(joined, title, autoplay)}<div class="scroll steps" '
        f'tabindex="0" role="group" aria-label="F0 of every step"><div class="track">'
        f"{_f0(contours, colours, seconds)}{_times(seconds)}</div></div></div>"
    )


def _player(speech: Speech, title: str, autoplay: bool, textgrid: str = "") -> str:
    """Title, player and downloads; the sound is in the page, so no file is left on the server."""
    sound = base64.b64encode(wav_bytes(speech)).decode()
    grid = base64.b64encode(textgrid.encode()).decode()
    saved = "this.href=this.closest('.sound').querySelector('audio').src"
    links = f'<a class="wav" download="speech.wav" href="#" onclick="{saved}">wav</a>'
    if textgrid:
        links += (
            '<a class="grid" download="speech.TextGrid" '
            f'href="data:text/plain;charset=utf-8;base64,{grid}">TextGrid</a>'
        )
    return (
        f'<div class="title">{escape(title)}</div><div class="player">'
        f"<audio controls {'autoplay' if autoplay else ''} "
        f'src="data:audio/wav;base64,{sound}"></audio>'
        f'<span class="downloads">download {links}</span></div>'
    )


def _wave(speech: Speech) -> str:
    """Outline of the waveform: lowest and highest sample of each column."""
    samples = speech.waveform
    edges = np.linspace(0, len(samples), min(_COLUMNS, max(len(samples), 1)) + 1).astype(int)[:-1]
    low, high = np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)
    top = max(float(np.abs(samples).max(initial=0)), 1e-3)
    count = len(edges)
    upper = [f"{i},{-v / top:.3f}" for i, v in enumerate(high)]
    lower = [
        f"{i},{-v / top:.3f}" for i, v in zip(range(count - 1, -1, -1), low[::-1], strict=True)
    ]
    return (
        f'<div class="strip wave"><svg viewBox="0 -1.05 {count} 2.1" preserveAspectRatio="none">'
        f'<polygon points="{" ".join(upper + lower)}"/></svg>'
        f"<b>waveform, peak {20 * math.log10(top):.0f} dB</b></div>"
    )


def _mel(speech: Speech) -> str:
    """The mel spectrogram as a data URL, low bands at the bottom."""
    from PIL import Image  # comes with matplotlib

    mels = speech.mels
    if len(mels) > _MEL_COLUMNS:
        edges = np.linspace(0, len(mels), _MEL_COLUMNS + 1).astype(int)[:-1]
        mels = np.maximum.reduceat(mels, edges, axis=0)
    share = np.clip((mels.T[::-1] - _FLOOR) / (_CEILING - _FLOOR), 0, 1)
    image = Image.fromarray((share * 255).astype(np.uint8), mode=None).convert("P")
    image.putpalette((colormaps["magma"](np.arange(256))[:, :3] * 255).astype(np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _f0(contours: list[Contour], colours: list[str], seconds: float) -> str:
    """Contours on a scale of semitones, with lines at round frequencies."""
    voiced = np.concatenate([one.hz[one.hz > 0] for one in contours])
    if not len(voiced):
        return '<div class="strip f0"><b>F0: nothing voiced</b></div>'
    low, high = (float(v) for v in np.percentile(_semitones(voiced), [1, 99]))
    middle, half = (low + high) / 2, max((high - low) / 2 + 1.5, _SPAN_ST / 2)
    low, high = middle - half, middle + half
    drawn = ""
    for one, colour in zip(contours, colours, strict=True):
        st = _semitones(np.maximum(one.hz, 1e-3))
        shown = (st >= low) & (st <= high)
        dots = "".join(
            f"M{x:.4f} {y:.2f}h0"
            for x, y in zip(one.times_s[shown] / seconds, high - st[shown], strict=True)
        )
        drawn += (
            f'<path d="{dots}"{f" style={chr(34)}stroke:{colour}{chr(34)}" if colour else ""}/>'
        )
    lines = ""
    for hz in _RUNGS_HZ:
        down = (high - float(_semitones(hz))) / (high - low)
        if 0.08 < down < 0.97:
            lines += f'<span style="top:{100 * down:.2f}%"><em>{hz} Hz</em></span>'
    median = f", median {np.median(voiced):.0f} Hz" if len(contours) == 1 else " from A to B"
    return (
        f'<div class="strip f0">{lines}<svg viewBox="0 0 1 {high - low:.3f}" '
        f'preserveAspectRatio="none">{drawn}</svg><b>F0{median}</b></div>'
    )


def _semitones(hz: ArrayLike) -> NDArray[np.float64]:
    return 12 * np.log2(np.asarray(hz, dtype=np.float64) / 55)


def _phones(speech: Speech) -> str:
    """The phone tier; pauses are shaded."""
    total = max(int(speech.durations.sum()), 1)
    cells, start = [], 0
    for phone, frames in zip(speech.phones, speech.durations.tolist(), strict=True):
        silent = plain_phone(phone) == PAUSE_LABEL
        name = escape(phone.strip()) or "&#183;"
        length_ms = 1000 * frames * speech.hop_length / speech.sample_rate
        cells.append(
            f'<span{" class=pause" if silent else ""} title="{name} {length_ms:.0f} ms" '
            f'style="left:{100 * start / total:.3f}%;width:{100 * frames / total:.3f}%">'
            f"{'' if silent else name}</span>"
        )
        start += frames
    return f'<div class="phones">{"".join(cells)}</div>'


def _times(seconds: float) -> str:
    step = next(s for s in (0.25, 0.5, 1, 2, 5, 10) if seconds / s <= 24 or s == 10)
    marks = np.arange(0, seconds, step)
    return (
        '<div class="times">'
        + "".join(f'<span style="left:{100 * t / seconds:.3f}%">{t:g} s</span>' for t in marks)
        + "</div>"
    )
