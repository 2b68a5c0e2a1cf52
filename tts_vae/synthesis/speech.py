"""Spoken text: waveform, mels, phones and their durations; joining and writing sentences."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_vae.whole_file import whole_file

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Speech:
    """A text as a voice says it.

    Attributes:
        waveform: (samples,) float32 in [-1, 1]; samples = frames * hop_length.
        sample_rate: samples per second.
        mels: (frames, n_mels) float32, natural-log magnitude.
        phones: the tokens spoken, punctuation and leading silence included.
        durations: (phones,) int64 frames; they sum to the frames of ``mels``.
        pitch_st: (phones,) float32 pitch asked of each phone, semitones re 55 Hz.
        hop_length: samples per frame.
        gain_db: 0, or how far the waveform was turned down because it would have clipped.
    """

    waveform: Floats
    sample_rate: int
    mels: Floats
    phones: tuple[str, ...]
    durations: NDArray[np.int64]
    pitch_st: Floats
    hop_length: int
    gain_db: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.waveform) / self.sample_rate

    @property
    def durations_s(self) -> NDArray[np.float64]:
        """Length of every phone in seconds, (phones,)."""
        return self.durations.astype(np.float64) * self.hop_length / self.sample_rate

    def with_pause(self, pause_s: float, floor: float) -> "Speech":
        """The same speech whose last token lasts ``pause_s`` or more, filled up with silence.

        Args:
            pause_s: shortest length of the last token, which owns the pause after a sentence.
            floor: natural-log magnitude of silence.
        """
        frames = round(pause_s * self.sample_rate / self.hop_length) - int(self.durations[-1])
        if frames <= 0:
            return self
        silence = np.full((frames, self.mels.shape[1]), floor, np.float32)
        durations = self.durations.copy()
        durations[-1] += frames
        return replace(
            self,
            waveform=np.pad(self.waveform, (0, frames * self.hop_length)),
            mels=np.concatenate([self.mels, silence]),
            durations=durations,
        )

    def write(self, path: str | Path) -> Path:
        """Write the waveform as a 16-bit WAV file, whole or not at all."""
        return write_speeches(path, [self])


def concatenate(speeches: Sequence[Speech]) -> Speech:
    """Several speeches of one voice, one after the other.

    Raises:
        ValueError: if there is none.
    """
    if not speeches:
        raise ValueError("nothing to join: expected one speech or more")
    if len(speeches) == 1:
        return speeches[0]
    return replace(
        speeches[0],
        waveform=np.concatenate([s.waveform for s in speeches]),
        mels=np.concatenate([s.mels for s in speeches]),
        phones=tuple(phone for s in speeches for phone in s.phones),
        durations=np.concatenate([s.durations for s in speeches]),
        pitch_st=np.concatenate([s.pitch_st for s in speeches]),
        gain_db=min(s.gain_db for s in speeches),
    )


def write_speeches(path: str | Path, speeches: Iterable[Speech]) -> Path:
    """Write sentences to one 16-bit WAV file as they come, holding one of them at a time.

    The file appears under its name when it is complete; on any error nothing is left.

    Raises:
        ValueError: if there is no speech, or the file cannot be written.
    """
    path = Path(path)
    iterator = iter(speeches)
    try:
        first = next(iterator)
    except StopIteration:
        raise ValueError(f"nothing to write to {path}: expected one speech or more") from None
    try:
        with whole_file(path) as partial, _open_wav(partial, first.sample_rate) as file:
            for speech in _chain(first, iterator):
                file.write(speech.waveform)
    except OSError as error:
        raise ValueError(_unwritable(path, error)) from error
    return path


def check_writable(path: str | Path) -> None:
    """Find out before long work, not after it, that a file cannot be written; makes nothing.

    Raises:
        ValueError: if the path is a folder, or its folder cannot be made or written to.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"cannot write {path}: it is a folder; give the name of a file in it")
    existing = next(folder for folder in path.absolute().parents if folder.exists())
    if not existing.is_dir():
        raise ValueError(f"cannot write {path}: {existing} is not a folder; choose another place")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise ValueError(f"cannot write {path}: no permission for {existing}; choose another place")


def _unwritable(path: Path, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or " ".join(str(error).split())
    return f"cannot write {path}: {reason}; choose another place"


@contextlib.contextmanager
def _open_wav(path: Path, sample_rate: int) -> Iterator[Any]:
    import soundfile  # here: loading a voice need not load it

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with soundfile.SoundFile(
            path, "w", samplerate=sample_rate, channels=1, subtype="PCM_16", format="WAV"
        ) as file:
            yield file
    except soundfile.LibsndfileError as error:
        raise OSError(str(error)) from error


def _chain(first: Speech, rest: Iterator[Speech]) -> Iterator[Speech]:
    yield first
    yield from rest
