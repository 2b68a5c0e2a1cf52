import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]  # shared helpers

from tiny_voice import write_tiny_voice  # noqa: E402

from tts_vae.explorer.open_voice import OpenVoice, Voices  # noqa: E402


@pytest.fixture(scope="session")
def praat():
    pytest.importorskip("parselmouth", reason="the page measures F0 with praat-parselmouth")


@pytest.fixture
def folder(tmp_path):
    """A voice of one test alone, which may change it."""
    return write_tiny_voice(tmp_path / "tiny")


@pytest.fixture
def voices(folder):
    return Voices(folder)


@pytest.fixture
def opened(voices) -> OpenVoice:
    return voices.open(voices.first)
