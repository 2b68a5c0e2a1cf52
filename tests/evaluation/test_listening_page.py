"""The demonstration of a voice: its clips, what is measured on them, and the page that shows them.

The voice is tiny and untrained and the corpus is a handful of swept tones: every step is real, the
sounds are not speech.
"""

import math
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_voice import COMPONENTS, SPEAKERS, sweep, write_tiny_voice  # noqa: E402

from tts_vae.audio.files import write_wav  # noqa: E402
from tts_vae.audio.mel import MelConfig  # noqa: E402
from tts_vae.audio.prosody import track_f0  # noqa: E402
from tts_vae.corpora.manifests import PreparedUtterance, read_cuts, write_manifests  # noqa: E402
from tts_vae.data.features import extract  # noqa: E402
from tts_vae.evaluation.measures.acoustics import (  # noqa: E402
    Acoustics,
    change,
    measure_acoustics,
    most_different,
)
from tts_vae.evaluation.pages.demo import control_table, demonstrate, next_commands  # noqa: E402
from tts_vae.evaluation.pages.listening import (  # noqa: E402
    Clip,
    Listening,
    Section,
    contrasting_pair,
)
from tts_vae.evaluation.pages.listening_page import Table, write_page  # noqa: E402
from tts_vae.evaluation.voices.latent_map import latent_map, spread_evenly  # noqa: E402
from tts_vae.synthesis.voice import Voice  # noqa: E402
from tts_vae.text.phonemizer import GraphemePhonemizer  # noqa: E402

RATE = 22050
TEXT = "Good day."


def clip(name="one", title="One", low_hz=120.0, seconds=1.0, gain=1.0, request=None):
    waveform = (gain * sweep(seconds, RATE, low_hz)).astype(np.float32)
    f0_hz = track_f0(waveform, RATE, 256)
    return Clip(
        name=name,
        title=title,
        note="note",
        waveform=waveform,
        sample_rate=RATE,
        mels=np.zeros((len(waveform) // 256, 80), np.float32),
        f0_hz=f0_hz,
        acoustics=measure_acoustics(waveform, RATE, list("^ab."), f0_hz),
        request=request or {},
    )


class Page(HTMLParser):
    """Links, texts and tags of a page; complains about tags that do not pair."""

    def __init__(self, path):
        super().__init__()
        self.sources, self.ids, self.texts, self.open, self.tags = [], [], [], [], []
        self.feed(path.read_text(encoding="utf-8"))
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self.sources += [attributes[key] for key in ("src", "href") if key in attributes]
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag not in {"meta", "img", "link", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def voice_dir(tmp_path_factory):
    return write_tiny_voice(tmp_path_factory.mktemp("voices") / "tiny")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    items = []
    for number in range(8):
        speaker, seconds = SPEAKERS[number % 3], 1.0 + 0.2 * number
        path = folder / "wavs" / speaker / f"u{number}.wav"
        waveform = sweep(seconds, RATE, 100.0 + 20 * number).astype(np.float32)
        write_wav(path, waveform, RATE)
        items.append(
            PreparedUtterance(
                id=f"u{number}",
                wav_path=path,
                text=TEXT,
                speaker=speaker,
                split="train" if number < 5 else "test",
                duration=len(waveform) / RATE,
                factors={"f0_median_hz": 100.0 + number, "rms_db": None},
                held_out="none" if number < 5 else "sentence",
            )
        )
    write_manifests(folder, "tones", items, [{"name": name} for name in SPEAKERS], seed=0)
    return folder


def test_acoustics_of_a_known_sound():
    silence, tone = np.zeros(RATE // 2), 0.1 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)
    waveform = np.concatenate([silence, tone, silence]).astype(np.float32)
    heard = measure_acoustics(waveform, RATE, ["^", "h", "ˈaɪ", "."], track_f0(waveform, RATE))
    assert heard.seconds == pytest.approx(2.0)
    assert heard.speech_s == pytest.approx(1.0, abs=0.02)
    assert heard.phones_per_s == pytest.approx(2.0, rel=0.02)  # pauses are no phones
    assert heard.f0_median_hz == pytest.approx(200, rel=0.01)
    assert heard.level_db == pytest.approx(20 * math.log10(0.1 / math.sqrt(2)), abs=0.2)


def test_change_and_the_most_different():
    usual = Acoustics(2.0, 1.8, 10.0, 100.0, -20.0)
    high = Acoustics(2.0, 1.8, 10.0, 200.0, -20.0)
    fast = Acoustics(1.0, 0.9, 20.0, 100.0, -26.0)
    assert change(high, usual).pitch_st == pytest.approx(12)
    assert change(fast, usual).rate == pytest.approx(2)
    assert change(fast, usual).level_db == pytest.approx(-6)
    assert most_different([usual, high, fast]) == (1, 2)
    unvoiced = Acoustics(1.0, 0.9, 20.0, math.nan, -26.0)
    assert math.isfinite(change(unvoiced, usual).size)
    with pytest.raises(ValueError, match="two clips or more to compare, got 1"):
        most_different([usual])


def test_contrasting_pair_is_the_slowest_and_the_fastest_of_another_speaker(corpus):
    # the test items are u5, u6, u7: of 2.0, 2.2 and 2.4 s, one text, three speakers
    slow, fast = contrasting_pair(list(read_cuts(corpus, "test")))
    assert (slow.id, fast.id) == ("u7", "u5")
    with pytest.raises(ValueError, match="two test recordings or more, got 0"):
        contrasting_pair([])


def test_sections_show_every_way_to_choose_a_style(voice_dir, corpus):
    voice = Voice.load(voice_dir)
    sections = {s.name: s for s in (make() for make in Listening(voice, corpus, TEXT).sections())}
    counts = {name: len(section.clips) for name, section in sections.items()}
    assert counts == {
        "components": COMPONENTS,
        "speakers": len(SPEAKERS),
        "interpolation": 9,
        "transfer": 6,
        "pitch-st": 3,
        "rate": 3,
        "energy-db": 3,
    }
    clips = [c for section in sections.values() for c in section.clips]
    assert len({c.name for c in clips}) == len(clips)
    steps = sections["interpolation"].clips
    assert not np.array_equal(steps[0].waveform, steps[-1].waveform)
    # what is asked is beside what came out, and the neutral clip is its own measure
    rows = {
        (row[0], row[1]): float(row[2].split()[0].replace("\u2212", "-"))
        for row in control_table(list(sections.values())).rows
        if row[0] != "Pitch"  # nothing is voiced
    }
    assert rows["Rate", "1.00 ×"] == 1 and rows["Energy", "0.0 dB"] == 0
    assert rows["Energy", "\u22126.0 dB"] == pytest.approx(-6, abs=0.5)
    assert rows["Rate", "0.75 ×"] < 0.9 and rows["Rate", "1.35 ×"] > 1.15
    natural = soundfile.read(corpus / "wavs" / "carl" / "u5.wav", dtype="float32")[0]
    recording = next(c for c in clips if c.name == "recording-b")
    np.testing.assert_allclose(recording.waveform, natural, atol=1e-4)


def test_latent_map_keeps_items_together(voice_dir, corpus):
    voice = Voice.load(voice_dir)
    store = extract(corpus, "train", mel=MelConfig(), phonemizer=GraphemePhonemizer(), workers=0)
    together = latent_map(voice, store)
    assert together.codes["prosody"].shape == (5, 4) and together.codes["speaker"].shape == (5, 3)
    assert together.use["prosody"].components == COMPONENTS
    assert set(together.factors) == {"f0_median_hz"}  # rms_db is nowhere known
    for index, name in enumerate(together.ids):
        number = int(name[1:])
        assert together.factors["f0_median_hz"][index] == 100 + number
        assert together.speakers[index] == SPEAKERS[number % 3]
        alone = latent_map(voice, [r for r in store if r.id == name])
        for site, codes in together.codes.items():
            np.testing.assert_allclose(alone.codes[site][0], codes[index], atol=1e-4)
    assert [r.id for r in spread_evenly(store, 3)] == ["u0", "u2", "u4"]
    assert len(spread_evenly(store, 50)) == 5
    with pytest.raises(ValueError, match="at least one recording to map, got none"):
        latent_map(voice, [])


def test_page_stands_alone(tmp_path):
    hostile = "<script>alert('&')</script>"
    section = Section("demo", hostile, hostile, (clip(title=hostile), clip("two", seconds=0.5)))
    arguments = dict(
        title="Listen & look",
        lead=hostile,
        text=hostile,
        sections=[section],
        tables=[Table(hostile, ("a", "b"), [(hostile, "1 < 2")], hostile)],
        commands=[f'tts-vae speak "{hostile}"'],
    )
    path = write_page(tmp_path / "page", **arguments)
    page = Page(path)
    local = [source for source in page.sources if not source.startswith("#")]
    assert len(local) == 4
    for source in local:
        assert "//" not in source and (path.parent / source).is_file()
    assert {s[1:] for s in page.sources if s.startswith("#")} <= set(page.ids)
    assert sum(tag == "script" for tag, _ in page.tags) == 1  # ours
    assert hostile in "".join(page.texts) and "1 < 2" in page.texts
    for tag, attributes in page.tags:
        assert tag != "img" or attributes["alt"]
        assert tag != "audio" or attributes["aria-label"]
    assert soundfile.info(path.parent / "audio" / "two.wav").duration == pytest.approx(0.5)
    # the shorter clip is drawn half as wide as the longer one
    widths = [a["style"] for tag, a in page.tags if a.get("class") == "mel"]
    assert widths == ["width:100.0%", "width:50.0%"]
    # the same again is the same to the last byte, pictures included
    again = write_page(tmp_path / "again", **arguments)
    for file in sorted(p for p in path.parent.rglob("*") if p.is_file()):
        twin = again.parent / file.relative_to(path.parent)
        assert file.read_bytes() == twin.read_bytes(), file.name


def test_page_refuses_clips_of_one_name(tmp_path):
    section = Section("demo", "Demo", "", (clip(), clip()))
    with pytest.raises(ValueError, match=r"clips of different names, got \['one'\] twice"):
        write_page(tmp_path, title="", lead="", text="", sections=[section])
    assert list(tmp_path.iterdir()) == []


def test_page_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    section = Section("demo", "Demo", "", (clip(),))
    with pytest.raises(ValueError, match="file"):
        write_page(tmp_path / "file", title="", lead="", text="", sections=[section])


def test_commands_fit_the_voice(voice_dir, tmp_path):
    voice = Voice.load(voice_dir)
    commands = next_commands(voice, voice_dir, tmp_path / "demo", "tts-vae")
    told = "\n".join(commands)
    assert f"--component {COMPONENTS // 2} " in told and f"--speaker {SPEAKERS[-1]} " in told
    assert told.count(f"--voice {voice_dir} ") == len(commands) - 1
    plain = write_tiny_voice(tmp_path / "plain", "gaussian", ("anna",))
    told = "\n".join(next_commands(Voice.load(plain), plain, tmp_path / "demo", "tts-vae"))
    assert "component" not in told and "speaker" not in told


@pytest.mark.parametrize("beside_another", [False, True])
def test_demonstration_from_voice_to_page(voice_dir, corpus, tmp_path, beside_another):
    pytest.importorskip("pocketsphinx")
    shown = write_tiny_voice(tmp_path / "shown", "mixture") if beside_another else None
    extract(corpus, "train", mel=MelConfig(), phonemizer=GraphemePhonemizer(), workers=0)
    spent = {"training": 120.0}
    made = demonstrate(
        voice_dir,
        corpus,
        tmp_path / "demo",
        text=TEXT,
        held_out=2,
        spent_s=spent,
        listen_to=shown,
    )
    page = Page(made.page)
    text = " ".join(page.texts)
    assert ("The voice trained just now" in text) == (shown is not None)
    assert "Character error rate, synthesis" in text and "2.0 min" in text
    assert "Map of the latent space" in text
    for source in page.sources:
        assert source.startswith("#") or (made.page.parent / source).is_file()
    assert (
        len(list((made.page.parent / "audio").glob("*.wav"))) == 30 + len(SPEAKERS) * beside_another
    )
