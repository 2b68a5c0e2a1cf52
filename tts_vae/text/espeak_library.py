"""espeak-ng in this process: text to samples and the events that place every phone in them.

The wheel `espeakng_loader` carries the library and its data; it is GPL-3, so it is an optional
extra, loaded on first use. One espeak-ng lives in a process and holds global state, so calls are
serialised by a lock. Interface: espeak-ng's `speak_lib.h`, version 1.52.

Laws: the same text, voice and settings give the same events whatever was said before; the samples
too, where the voice has neither flutter nor roughness (their phase runs on between calls).
"""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 22050
"""Hz; espeak-ng's own rate, and the project's."""

_SYNCHRONOUS_RETRIEVAL = 2
_PHONEME_EVENTS_IN_IPA = 0x0001 | 0x0002
_DO_NOT_EXIT = 0x8000
_UTF8 = 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_END_OF_CLAUSE, _PHONEME = 5, 7
_LONGEST_DATA_PATH = 140  # espeak-ng keeps the path in 160 bytes
_DATA_FOLDER = "espeak-ng-data"


@dataclass(frozen=True)
class EspeakEvent:
    """One event of the synthesis.

    Attributes:
        kind: `phone`, `pause` or `clause` (the end of a clause, at the start of the next).
        sample: position in the samples where it begins.
        phone: IPA with stress for `phone`, empty otherwise.
        text_position: characters of the text before the event, as espeak-ng counts them.
    """

    kind: str
    sample: int
    phone: str
    text_position: int


@dataclass(frozen=True)
class EspeakSpeech:
    """What espeak-ng said: `samples` (samples,) int16 at `SAMPLE_RATE`, and `events` in order."""

    samples: NDArray[np.int16]
    events: tuple[EspeakEvent, ...]


class _Identity(ctypes.Union):
    _fields_ = [
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    ]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Identity),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class _Engine:
    """The loaded library and what its callback collects."""

    def __init__(self, data_path: Path) -> None:
        loader = _loader()
        self.library: Any = ctypes.CDLL(loader.get_library_path())
        self.library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
        self.data_path = data_path
        self.chunks: list[NDArray[np.int16]] = []
        self.events: list[EspeakEvent] = []
        self.callback = _Callback(self._receive)  # kept: ctypes does not hold a reference
        rate = self.library.espeak_Initialize(
            _SYNCHRONOUS_RETRIEVAL,
            0,
            os.fsencode(data_path),
            _PHONEME_EVENTS_IN_IPA | _DO_NOT_EXIT,
        )
        if rate != SAMPLE_RATE:
            raise RuntimeError(f"espeak-ng did not start with its data in {data_path} ({rate=})")
        self.library.espeak_SetSynthCallback(self.callback)

    def _receive(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self.chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        number = 0
        while events[number].type:
            event = events[number]
            number += 1
            position = max(event.text_position - 1, 0)
            if event.type == _PHONEME:
                # 8 bytes, without a closing zero where the phone fills them
                phone = bytes(event.id.string).split(b"\0")[0].decode("utf-8", "ignore")
                kind = "phone" if phone else "pause"
                self.events.append(EspeakEvent(kind, event.sample, phone, position))
            elif event.type == _END_OF_CLAUSE:
                self.events.append(EspeakEvent("clause", event.sample, "", position))
        return 0

    def speak(self, text: str, voice: str, settings: Mapping[int, int]) -> EspeakSpeech:
        # espeak-ng itself would say a variant that it does not have in its plain voice
        _, _, variant = voice.partition("+")
        known = not variant or (self.data_path / "voices" / "!v" / variant).is_file()
        if not known or self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(
                f"expected a voice of espeak-ng such as 'en-us' or 'en-us+f2'; got {voice!r}"
            )
        for parameter, value in settings.items():
            self.library.espeak_SetParameter(parameter, value, 0)
        self.library.espeak_ng_SetRandSeed(1)
        self.chunks.clear()
        self.events.clear()
        encoded = text.encode("utf-8")
        status = self.library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, _UTF8, None, None)
        if status != 0:
            raise RuntimeError(f"espeak-ng could not speak {text[:40]!r} (status {status})")
        samples = np.concatenate(self.chunks) if self.chunks else np.zeros(0, np.int16)
        return EspeakSpeech(samples, tuple(self.events))


_lock = threading.RLock()
_engine: _Engine | None = None


def load(data_path: Path | None = None) -> None:
    """Start espeak-ng in this process, or restart it with other data; a no-op where it runs so.

    Args:
        data_path: a folder made by `voice_data`; None for the data of the wheel.

    Raises:
        ImportError: the optional package is not installed.
    """
    global _engine
    with _lock:
        wanted = data_path or _packaged_data()
        if _engine is not None and _engine.data_path == wanted:
            return
        if _engine is not None:
            _engine.library.espeak_Terminate()
            _engine = None
        _engine = _Engine(wanted)


def synthesize(
    text: str,
    voice: str = "en-us",
    *,
    rate: int = 175,
    pitch: int = 50,
    pitch_range: int = 50,
    volume: int = 100,
) -> EspeakSpeech:
    """Say `text`.

    Args:
        text: one text; punctuation makes its pauses.
        voice: an espeak-ng voice, or voice and variant joined by "+".
        rate: words a minute, 80 to 450.
        pitch: 0 to 99; 50 is the voice's own, each 50 steps one octave.
        pitch_range: 0 to 99; 50 is the voice's own.
        volume: 0 to 200; 100 is normal.

    Returns:
        The samples (int16, `SAMPLE_RATE`) and the events that lie in them.

    Raises:
        ImportError: the optional package is not installed.
        ValueError: unknown voice, or a setting outside its bounds.
    """
    bounds = {"rate": (80, 450), "pitch": (0, 99), "pitch_range": (0, 99), "volume": (0, 200)}
    values = {"rate": rate, "pitch": pitch, "pitch_range": pitch_range, "volume": volume}
    for name, (low, high) in bounds.items():
        if not low <= values[name] <= high:
            raise ValueError(f"expected {name} from {low} to {high}; got {values[name]}")
    settings = {_RATE: rate, _PITCH: pitch, _RANGE: pitch_range, _VOLUME: volume}
    with _lock:
        if _engine is None:
            load()
        assert _engine is not None
        return _engine.speak(text, voice, settings)


def voice_data(folder: Path, variants: Mapping[str, str]) -> Path:
    """Make a data folder for `load`: the wheel's data and more voice variants.

    Args:
        folder: where to make it; its path must be short (espeak-ng keeps 160 bytes of it).
        variants: name -> text of a variant file (espeak-ng's voice file format); a voice
            "en-us+NAME" then uses it.

    Returns:
        The data folder inside `folder`.

    Raises:
        ValueError: the path is too long for espeak-ng.
    """
    data = folder / _DATA_FOLDER
    if len(os.fsencode(data)) > _LONGEST_DATA_PATH:
        raise ValueError(
            f"espeak-ng takes data paths up to {_LONGEST_DATA_PATH} bytes; got {data}: "
            "set TMPDIR to a shorter folder"
        )
    own = data / "voices" / "!v"
    own.mkdir(parents=True)
    source = Path(_loader().get_data_path())
    for entry in source.iterdir():
        if entry.name != "voices":
            _link(entry, data / entry.name)
    for name, definition in variants.items():
        (own / name).write_text(definition, encoding="utf-8")
    return data


def version() -> str:
    """The version of espeak-ng that speaks, such as "1.52.0"."""
    with _lock:
        if _engine is None:
            load()
        assert _engine is not None
        _engine.library.espeak_Info.restype = ctypes.c_char_p
        return str(_engine.library.espeak_Info(None).decode())


def _loader() -> Any:
    try:
        import espeakng_loader
    except ImportError as error:
        raise ImportError(
            "espeak-ng is an optional extra: run pip install 'tts_vae[espeak]'"
        ) from error
    return espeakng_loader


def _packaged_data() -> Path:
    """The wheel's data, behind a short link where its path is too long for espeak-ng."""
    packaged = Path(_loader().get_data_path())
    if len(os.fsencode(packaged)) <= _LONGEST_DATA_PATH:
        return packaged
    if _engine is not None and _engine.data_path.is_symlink():
        return _engine.data_path
    folder = Path(tempfile.mkdtemp(prefix="espeak-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _link(packaged, folder / _DATA_FOLDER)
    return folder / _DATA_FOLDER


def _link(source: Path, target: Path) -> None:
    """A symbolic link, or a copy where links need a privilege."""
    try:
        target.symlink_to(source, target_is_directory=source.is_dir())
    except OSError:
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
