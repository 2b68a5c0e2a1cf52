import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tiny_voice, which the CLI's tests share

from tiny_voice import write_tiny_voice  # noqa: E402

from tts_vae.synthesis.voice import Voice  # noqa: E402


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return write_tiny_voice(tmp_path_factory.mktemp("voices") / "tiny")


@pytest.fixture(scope="session")
def voice(folder):
    return Voice.load(folder)
