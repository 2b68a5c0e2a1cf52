"""Cards of a tiny voice whose dimensions and components do what they are made to do."""

import base64
import io
import json
import math
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("parselmouth", reason="F0 is measured by the extra evaluation")
sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_voice import WIDTH, write_tiny_voice  # noqa: E402

from tts_vae.evaluation.cards import style_cards  # noqa: E402
from tts_vae.evaluation.cards.card_store import cards_entry, store_cards, write_examples  # noqa: E402
from tts_vae.evaluation.cards.style_card import USUAL  # noqa: E402
from tts_vae.evaluation.cards.style_cards import STEPS_SD, measure_cards  # noqa: E402
from tts_vae.evaluation.cards.style_cards_page import write_cards_page  # noqa: E402
from tts_vae.evaluation.measures.attributes import measure_attributes  # noqa: E402
from tts_vae.synthesis.prior_spread import prior_sd  # noqa: E402
from tts_vae.synthesis.voice import Voice  # noqa: E402

TEXTS = ["one two", "three four"]
NAMES = ["pitch_st", "pitch_range_st", "rate_percent", "energy_db", "tilt_db"]
STYLES = {
    "sites": {
        "prosody": {"default": [0.0] * WIDTH, "std": [0.5] * WIDTH, "usage": [0.25, 0.25, 0.5]}
    }
}


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return Voice.load(write_tiny_voice(tmp_path_factory.mktemp("voices") / "t", styles=STYLES))


def planted(voice, *arguments, fails=lambda style: False, **more):
    """Cards of a voice whose utterances are given their attributes: a known function of the style.

    Every sentence and bert have levels of their own; z0 gives 2 st a unit, z1 10 % of rate.
    """
    said = {}
    stream = voice.stream_many

    def spoken(texts, styles, batch_size, seed):
        for position, speech in stream(texts, styles, batch_size, seed):
            said[id(speech)] = (styles[position], speech)
            yield position, ValueError("gone") if fails(styles[position]) else speech

    def attributes(speech, names, judge=None):
        style, _ = said[id(speech)]
        z = style.values["prosody"].double().numpy()
        own = 12.0 * ("bert" in style.label) + len(speech.phones)
        return np.array([own + 2 * z[0], own, own + 10 * z[1], own, own])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(voice, "stream_many", spoken)
        patch.setattr(style_cards, "attributes_of", attributes)
        return measure_cards(voice, *arguments, **more)


@pytest.fixture(scope="module")
def cards(voice):
    return planted(voice, TEXTS, seed=3)


def test_dimensions_have_the_slopes_that_were_planted(voice, cards):
    sd = prior_sd(voice.bundle, "prosody").tolist()
    prosody = [card for card in cards.dimensions if card.site == "prosody"]
    assert [card.index for card in prosody] == list(range(WIDTH))
    first, second, third = prosody[:3]
    assert first.changes["pitch_st"] == pytest.approx(2 * sd[0], rel=1e-3)
    assert second.changes["rate_percent"] == pytest.approx(
        100 * (math.exp(sd[1] / 10) - 1), rel=1e-3
    )
    assert third.changes == pytest.approx(dict.fromkeys(NAMES, 0.0), abs=1e-3)
    assert (first.name, first.main) == ("higher", "pitch_st") and first.leakage < 0.01
    assert (third.name, third.main) == ("", "") and math.isnan(third.leakage)
    assert first.sd == pytest.approx(sd[0]) and first.share == pytest.approx(0.5 / sd[0])


def test_components_are_compared_with_the_usual_style_of_the_same_speaker(voice, cards):
    means = [voice.style(component=k).values["prosody"] for k in range(3)]
    assert [card.index for card in cards.components] == [0, 1, 2]
    for card, mean in zip(cards.components, means, strict=True):
        assert card.changes["pitch_st"] == pytest.approx(2 * float(mean[0]), abs=1e-3)
        assert card.errors["pitch_st"] < 1e-3, "who speaks does not count"
    assert [card.share for card in cards.components] == [0.25, 0.25, 0.5]


def test_the_speaker_site_has_cards_too(voice, cards):
    speaker = [card for card in cards.dimensions if card.site == "speaker"]
    assert len(speaker) == 3 and speaker[0] is cards.dimensions[WIDTH]
    assert [card.sd for card in speaker] == pytest.approx(
        prior_sd(voice.bundle, "speaker").tolist()
    )
    assert cards.method["speakers"] == ["anna", "bert", "carl"]
    assert cards.method["texts"] == TEXTS and cards.method["steps_sd"] == list(STEPS_SD)


def test_examples_are_the_first_sentence_in_that_style(voice, cards):
    ends = {("prosody", "dimension", 0, step) for step in (-2.0, 2.0)}
    assert {USUAL, *ends, ("prosody", "component", 2, 0.0)} <= set(cards.examples)
    assert len(cards.examples) == 1 + 2 * (WIDTH + 3) + 3
    alone = voice.speak(TEXTS[0], voice.style(speaker="anna", component=2), seed=3)
    kept = cards.examples["prosody", "component", 2, 0.0]
    assert np.abs(kept.mels - alone.mels).max() < 1e-3


def test_steps_that_cannot_be_spoken_are_undefined(voice):
    sd = prior_sd(voice.bundle, "prosody").tolist()

    def too_far(style):
        z = style.values["prosody"].tolist()
        return z[0] > 1.5 * sd[0] or abs(z[1]) > 0.5 * sd[1]

    cards = planted(voice, TEXTS, ["anna"], fails=too_far)
    first, second = cards.dimensions[:2]
    assert first.changes["pitch_st"] == pytest.approx(2 * sd[0], rel=1e-3)
    assert all(math.isnan(change) for change in second.changes.values()) and second.name == ""
    assert set(cards_entry(cards)["dimensions"][1]["slopes"].values()) == {None}
    with pytest.raises(ValueError, match="gone"):
        planted(voice, TEXTS, ["anna"], fails=lambda style: True)


def test_what_cannot_be_measured_is_named(voice):
    with pytest.raises(ValueError, match="unknown speaker 'eve'"):
        measure_cards(voice, TEXTS, ["eve"])
    for nothing in ([], None), (TEXTS, []):
        with pytest.raises(ValueError, match="at least one sentence and one speaker"):
            measure_cards(voice, *nothing)


def test_what_is_said_is_what_is_measured(voice):
    """Recomputed from speech that is made and measured one by one."""
    texts = ["one two three four", "five six seven eight"]
    seen = []
    cards = measure_cards(
        voice, texts, ["carl"], snr=True, watch=lambda items, total, _: seen.append(total) or items
    )
    assert seen == [len(texts) * (1 + 4 * (WIDTH + 3) + 3)]

    def alone(**words):
        found = []
        for text in texts:
            speech = voice.speak(text, voice.style(speaker="carl", **words))
            a = measure_attributes(speech.waveform, speech.sample_rate, speech.phones)
            found.append([a.energy_db - speech.gain_db, 100 * math.log(a.rate)])
        return np.array(found)

    usual, other = alone(), alone(component=1)
    assert [cards.usual["energy_db"], cards.usual["rate_percent"]] == pytest.approx(
        usual.mean(0), rel=1e-3
    )
    energy, rate = (other - usual).mean(0)
    card = cards.components[1]
    assert card.changes["energy_db"] == pytest.approx(energy, abs=0.01)
    assert card.changes["rate_percent"] == pytest.approx(100 * math.expm1(rate / 100), abs=0.05)
    assert set(cards.usual) == {*NAMES, "snr_db"} and math.isfinite(cards.usual["snr_db"])


def test_what_is_kept_is_small_and_plain(voice, cards, tmp_path):
    folder = write_tiny_voice(tmp_path / "t", styles=STYLES)
    lda = {"gender": [{"site": "prosody", "dimension": 1, "fisher": 2.0}]}
    entry = store_cards(folder, cards, lda)
    stored = json.loads((folder / "styles.json").read_text())
    assert stored == {**STYLES, "cards": entry} and entry == cards_entry(cards, lda)
    assert entry["dimensions"][2]["leakage"] is None and entry["lda"] == lda
    assert entry["components"][2] | {"differences": 0, "errors": 0} == {
        "site": "prosody",
        "component": 2,
        "usage": 0.5,
        "name": cards.components[2].name,
        "main": cards.components[2].main,
        "leakage": entry["components"][2]["leakage"],
        "differences": 0,
        "errors": 0,
    }
    files = write_examples(tmp_path / "out", cards, entry)
    assert json.loads((tmp_path / "out" / "cards.json").read_text()) == entry
    assert {
        "usual.wav",
        "component-02.wav",
        "prosody-00-plus2sd.wav",
        "speaker-02-minus2sd.wav",
    } <= {file.name for file in files}
    assert len(list((tmp_path / "out" / "audio").iterdir())) == len(cards.examples)


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.audio, self.links = [], [], []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag not in ("meta", "rect", "line"):
            self.open.append(tag)
        if tag == "audio":
            self.audio.append(found["src"])
        self.links += [v for k, v in found.items() if k in ("href", "src") and tag != "audio"]

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_stands_alone_and_plays_the_examples(cards, tmp_path):
    lda = {"<noise>": [{"site": "prosody", "dimension": 1, "fisher": 2, "accuracy": 0.9}]}
    lda["<noise>"][0]["baseline"] = 0.5
    path = write_cards_page(
        tmp_path / "deep" / "cards.html",
        "a <tiny> voice",
        cards,
        {2: "cheerful"},
        {"calm": "x"},
        lda,
    )
    text = path.read_text(encoding="utf-8")
    tags = _Tags()
    tags.feed(text)
    assert tags.open == [] and tags.links == [] and "http" not in re.sub("data:[^']+", "", text)
    assert "a &lt;tiny&gt; voice" in text and "cheerful<span>component 2, 50 %" in text
    assert "&lt;noise&gt;" in text and "--style calm" in text
    assert len(tags.audio) == len(cards.examples)
    sound, rate = soundfile.read(io.BytesIO(base64.b64decode(tags.audio[0].split(",")[1])))
    usual = cards.examples[USUAL]
    assert rate == usual.sample_rate and np.abs(sound - usual.waveform).max() < 1e-4
    assert text.count('class="word"') == sum(
        bool(card.name) for card in (*cards.dimensions, *cards.components)
    )
