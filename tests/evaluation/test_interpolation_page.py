import base64
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from html_page import Page  # noqa: E402
from tiny_voice import write_tiny_voice  # noqa: E402

pytest.importorskip("parselmouth")

from tts_vae.evaluation.measures.attributes import Attributes  # noqa: E402
from tts_vae.evaluation.pages.interpolation_page import write_interpolation_page  # noqa: E402
from tts_vae.evaluation.pages.walk_hearing import Heard, Listener, evenness  # noqa: E402
from tts_vae.synthesis.site_prior import site_prior  # noqa: E402
from tts_vae.synthesis.voice import Voice  # noqa: E402
from tts_vae.synthesis.walk_files import write_stop  # noqa: E402
from tts_vae.synthesis.walks import (  # noqa: E402
    Stop,
    along_dimension,
    grid_between,
    speak_walk,
    steps_between,
    within_text,
)

TEXT = "Hello <there> & all."


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return Voice.load(write_tiny_voice(tmp_path_factory.mktemp("voices") / "tiny"))


def made(voice, walk, folder):
    listener = Listener(voice)
    heard, records = [], []
    for stop, speech in speak_walk(voice, TEXT, walk):
        records.append(write_stop(folder, voice, stop, speech))
        heard.append(listener.hear(stop, speech))
    page = write_interpolation_page(
        folder,
        walk,
        heard,
        text=TEXT,
        lead="From <one> to two.",
        hop_s=256 / 22050,
        command="tts-vae interpolate '<x>'",
        recipes=records,
    )
    return page, heard


def walks(voice):
    a, b = voice.style(component=0), voice.style(component=2, rate=1.3)
    yield steps_between(voice, a, b, 3)
    yield within_text(voice, TEXT, a, b)
    yield grid_between(voice, [a, b, b, a], 2)
    yield along_dimension(voice, a, 1, steps=3)


@pytest.mark.parametrize("number", range(4), ids=["steps", "within", "grid", "traversal"])
def test_the_page_stands_alone_and_plays_every_stop(voice, number, tmp_path):
    walk = list(walks(voice))[number]
    path, heard = made(voice, walk, tmp_path)
    page = Page(path)
    assert page.all("audio", "src") == [f"{stop.name}.wav" for stop in walk.stops]
    for source in page.all("audio", "src"):
        assert (tmp_path / source).is_file()
    for source in page.all("img", "src"):  # pictures are in the page, and are pictures
        kind, data = re.fullmatch(r"data:image/(png|jpeg);base64,(.+)", source).groups()
        start = {"png": b"\x89PNG", "jpeg": b"\xff\xd8\xff"}[kind]
        assert base64.b64decode(data).startswith(start)
    pictures = 1 + len(walk.stops) + (walk.kind != "within")
    assert len(page.all("img", "src")) == pictures
    for link in page.all("a", "href"):
        assert link == "steps.json" or (tmp_path / link).is_file()
    assert "http" not in path.read_text(encoding="utf-8")
    words = " ".join(page.words)
    assert TEXT in words and "From <one> to two." in words and "'<x>'" in words
    assert all(item.stop.title in words for item in heard)
    again, _ = made(voice, walk, tmp_path)
    first = path.read_bytes()
    assert again.read_bytes() == first


def test_what_is_heard_is_json_and_has_the_density(voice):
    walk = steps_between(voice, voice.style(component=0), voice.style(component=1), 2)
    prior = site_prior(voice.bundle, "prosody")
    for stop, speech in speak_walk(voice, TEXT, walk):
        heard = Listener(voice).hear(stop, speech)
        numbers = heard.numbers()
        json.dumps(numbers, allow_nan=False)
        expected = (
            voice.bundle.model.sites["prosody"].prior(()).log_prob(stop.style.values["prosody"])
        )
        assert numbers["log_prior"] == pytest.approx(float(expected), rel=1e-4)
        assert numbers["log_prior"] == prior.log_prob(stop.style.values["prosody"])
        assert heard.f0_hz.shape == (len(speech.mels),)


def stops(values, voice):
    style = voice.style()
    return [
        Heard(
            stop=Stop(f"{n:02d}", str(n), (n / 4,), style),
            attributes=Attributes(st, 1.0, 3.0, rate, db, -4.0, 1.0),
            f0_hz=np.zeros(10, np.float32),
            mel_uri="",
            log_prior=None,
        )
        for n, (st, rate, db) in enumerate(values)
    ]


def test_evenness_by_hand(voice):
    heard = stops([(20, 10, -20), (19, 10.1, -24), (17, 10.2, -20), (16, 10.1, np.nan)], voice)
    found = evenness(heard)
    assert found["pitch_st"] == {
        "moved": True,
        "change": -4.0,
        "spearman": pytest.approx(1.0),  # from the first to the last, whichever the direction
        "largest_jump": pytest.approx(1.5),
    }
    assert found["rate"]["moved"] is False
    assert "energy_db" not in found
    assert found["pitch_range_st"]["spearman"] is None


def test_a_missing_stop_is_refused(voice, tmp_path):
    walk = steps_between(voice, voice.style(component=0), voice.style(component=1), 3)
    with pytest.raises(ValueError, match="expected all 3 stops .* got 0"):
        write_interpolation_page(tmp_path, walk, [], text="", lead="", hop_s=0.01)
    assert list(tmp_path.iterdir()) == []
