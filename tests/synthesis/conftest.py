import pytest
from tiny_voice import write_tiny_voice

from tts_vae.synthesis.voice import Voice


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return write_tiny_voice(tmp_path_factory.mktemp("voices") / "tiny")


@pytest.fixture(scope="session")
def voice(folder):
    return Voice.load(folder)
