"""What happens on the page, without a browser: sessions, mistakes, recordings, saved styles."""

import asyncio

import numpy as np
import pytest
import soundfile
from tiny_voice import sweep

gradio = pytest.importorskip("gradio", reason="the explorer's page needs the explore extra")

from page_tab import TEXT, Click, Tab  # noqa: E402

from tts_vae.explorer.events import bring_to_life  # noqa: E402
from tts_vae.explorer.form import AS_RECORDED  # noqa: E402
from tts_vae.explorer.happenings import Happenings  # noqa: E402
from tts_vae.explorer.page import ELSEWHERE, RANGES, lay_out  # noqa: E402
from tts_vae.explorer.session import Session  # noqa: E402
from tts_vae.synthesis.named_styles import named_styles  # noqa: E402
from tts_vae.synthesis.voice import Voice  # noqa: E402


@pytest.fixture
def tabs(voices, praat):
    """Makes tabs of one page."""

    async def make():  # where no loop runs, gradio makes its own and leaves them open
        with gradio.Blocks() as blocks:
            page = lay_out(Session(voices.first), [("tiny", voices.first)], 4)
            bring_to_life(blocks, page, voices, True)
        return page

    page = asyncio.run(make())
    kept, passing = Happenings(page, voices, True), Happenings(page, voices, False)
    return lambda keep=True: Tab(page, kept if keep else passing, voices.first)


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "my clip.wav"
    soundfile.write(path, sweep(1.2, 22050), 22050)
    return str(path)


def test_a_new_tab_shows_the_usual_style_and_stays_silent(tabs, opened):
    tab = tabs()
    assert tab.status == "" and "autoplay" not in tab.shown[tab.page.sound]
    np.testing.assert_allclose(tab.sound, opened.voice.speak(TEXT).waveform, atol=1e-4)
    assert tab.shown[tab.page.speaker]["choices"] == ["anna", "bert", "carl"]
    assert tab.fields["colour"] == "component"
    tab("speak")
    assert "autoplay" in tab.shown[tab.page.sound]


def test_every_control_and_dimension_changes_the_sound(tabs):
    tab = tabs()
    usual = tab.sound
    for name, (low, high, _) in RANGES.items():
        for end in (low, high):
            tab.controls[name] = end
            tab("speak")
            assert tab.status == ""
            assert tab.sound.shape != usual.shape or np.abs(tab.sound - usual).max() > 1e-3, name
        tab("rest")
        np.testing.assert_array_equal(tab.sound, usual)
        assert tab.controls[name] == (1.0 if name in ("pitch_range", "rate", "pause") else 0.0)
    for i in range(4):
        tab.shifts[i] = 3.0
        tab("speak")
        assert tab.sound.shape != usual.shape or np.abs(tab.sound - usual).max() > 1e-3
        tab("centre")
        assert tab.shifts == [0.0] * 4
    np.testing.assert_array_equal(tab.sound, usual)


def test_a_click_on_the_map_moves_the_style_and_clears_the_dimensions(tabs, opened):
    tab = tabs()
    tab.shifts[2] = 1.0
    spot = opened.map.components[2]
    updates = tab("click", event=Click(spot.x, spot.y))
    assert updates[tab.page.start] == "component:2" and tab.shifts == [0.0] * 4
    wave = opened.voice.speak(TEXT, opened.voice.style(component=2)).waveform
    np.testing.assert_allclose(tab.sound, wave, atol=1e-4)
    updates = tab("click", event=Click(2, 2))
    assert updates[tab.page.start] == ELSEWHERE
    assert "point on the map" in tab.shown[tab.page.sound]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no text yet"),
        ("😀😀", "no letter or digit"),
        ("x" * 1001, "1,001 characters"),
        ("<speak>hello <b", "malformed XML"),
        ("<speak><style reference='/etc/passwd'>hello</style></speak>", "cannot be read here"),
        ('<speak><!DOCTYPE a [<!ENTITY b "c">]>&b;</speak>', "malformed XML"),
        ("<speak></speak>", "nothing to speak"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(tabs, text, words):
    tab = tabs()
    tab.fields["text"] = text
    updates = tab("speak")
    assert words in tab.status and set(updates) == {tab.page.session, tab.page.status}
    assert 'role="alert"' in updates[tab.page.status]
    assert "Traceback" not in tab.status and "went wrong" not in tab.status


def test_warnings_are_shown_beside_the_sound(tabs):
    tab = tabs()
    tab.fields["text"] = "<speak>Hello <blink>there</blink></speak>"
    updates = tab("speak")
    assert "blink" in tab.status and tab.page.sound in updates


def test_a_defect_of_ours_is_a_line_too_and_goes_to_the_log(tabs, monkeypatch, caplog):
    tab = tabs()

    def broken(*arguments):
        raise RuntimeError("secret path")

    tab(broken)
    assert "Something went wrong here (RuntimeError)" in tab.status and "secret" not in tab.status
    assert "secret path" in caplog.text


def test_an_endless_sound_is_stopped(tabs):
    tab = tabs()
    tab.fields["text"] = "<speak>" + "a<break time='9.9s'/> b. " * 28 + "</speak>"
    tab("speak")
    assert "last more than 240 s" in tab.status


def test_nothing_leaks_between_two_tabs(tabs, clip):
    one, two = tabs(), tabs()
    before = dict(two.shown)
    one.controls["pitch_st"] = 5.0
    one(lambda *a: one.acts.keep("A", *a))
    one("take", clip)
    one("draw")
    assert two.session.slots == {} and two.session.recorded is None and two.session.draws == 1
    two("speak")
    np.testing.assert_array_equal(two.sound, tabs().sound)
    assert two.shown[two.page.heard] == before[two.page.heard]
    two(lambda *a: two.acts.recall("A", *a))
    assert "no style A yet" in two.status


def test_between_a_and_b(tabs, opened):
    tab = tabs()
    tab("play_all")
    assert "no style A yet" in tab.status
    tab(lambda *a: tab.acts.keep("A", *a))
    a = tab.sound
    tab.controls |= {"pitch_st": 6.0, "rate": 1.5}
    tab.shifts[0] = 2.0
    tab("speak")
    b = tab.sound
    tab(lambda *a: tab.acts.keep("B", *a))
    assert "rate ×1.5" in tab.shown[tab.page.slots]
    tab("between", 0)
    np.testing.assert_array_equal(tab.sound, a)
    tab("between", 8)
    np.testing.assert_array_equal(tab.sound, b)
    tab("between", 4)
    assert len(b) < len(tab.sound) < len(a)
    assert "+3.0 st" in tab.shown[tab.page.heard]
    tab("play_all")
    assert len(tab.sound) > 9 * len(b)
    assert tab.shown[tab.page.heard].count("<tr>") == 10
    tab("rest")
    assert tab.controls["rate"] == 1.0
    tab(lambda *a: tab.acts.recall("B", *a))
    assert tab.controls["rate"] == 1.5 and tab.shifts[0] == pytest.approx(2, abs=1e-3)
    np.testing.assert_allclose(tab.sound, b, atol=1e-3)


def test_the_style_of_a_recording(tabs, opened, clip):
    tab = tabs()
    tab("take", clip)
    assert tab.status == "" and "recording my clip.wav" in tab.shown[tab.page.sound]
    assert AS_RECORDED in tab.shown[tab.page.speaker]["choices"]
    style = opened.voice.style(reference=clip, speaker="anna")
    np.testing.assert_allclose(tab.sound, opened.voice.speak(TEXT, style).waveform, atol=1e-4)
    tab.fields["speaker"] = AS_RECORDED
    tab("speak")
    style = opened.voice.style(reference=clip)
    np.testing.assert_allclose(tab.sound, opened.voice.speak(TEXT, style).waveform, atol=1e-4)
    tab("save", "mine")
    assert "cannot hold the speaker of a recording" in tab.status


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (np.zeros(44100), "is silent"),
        (sweep(0.1, 22050), "lasts 0.1 s"),
        (np.tile(sweep(0.25, 22050), 440), "lasts 110.0 s"),
        (b"RIFFnonsense", "is not a sound file"),
        (b"", "is not a sound file"),
    ],
)
def test_recordings_that_say_nothing(tabs, tmp_path, content, words):
    tab = tabs()
    path = tmp_path / "clip.wav"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        soundfile.write(path, content, 22050)
    updates = tab("take", str(path))
    assert words in tab.status and str(tmp_path) not in tab.status
    assert set(updates) == {tab.page.session, tab.page.status}
    assert tab.session.recorded is None


def test_a_style_is_saved_with_the_voice_and_found_by_the_command_line(tabs, folder, opened):
    tab = tabs()
    tab.controls["pitch_st"] = 3.0
    tab.shifts[1] = -1.5
    tab("speak")
    wanted = tab.sound
    tab("save", "cheerful")
    assert f"--voice {folder} --style cheerful" in tab.status
    voice = Voice.load(folder)
    assert "cheerful" in named_styles(voice.bundle)
    spoken = voice.speak(TEXT, voice.style(name="cheerful")).waveform
    np.testing.assert_allclose(spoken, wanted, atol=1e-4)
    other = tabs()
    assert ("saved: cheerful", "saved:cheerful") in other.shown[other.page.start]["choices"]
    other("start_from", "saved:cheerful")
    assert other.controls["pitch_st"] == 3.0
    np.testing.assert_allclose(other.sound, wanted, atol=1e-4)


def test_where_the_folder_is_not_ours_a_style_lasts_as_long_as_its_tab(tabs, folder):
    kept = (folder / "styles.json").read_bytes()
    tab, other = tabs(keep=False), tabs(keep=False)
    tab.controls["rate"] = 1.5
    tab("save", "quick")
    assert "for this tab" in tab.status and (folder / "styles.json").read_bytes() == kept
    tab("rest")
    tab("start_from", "saved:quick")
    assert tab.controls["rate"] == 1.5
    other("start_from", "saved:quick")
    assert "no saved style 'quick'" in other.status and other.controls["rate"] == 1.0


@pytest.mark.parametrize(
    ("name", "words"), [("", "a name"), ("pitch", "another name"), ("a b", "letters, digits")]
)
def test_names_that_cannot_be(tabs, name, words):
    tab = tabs()
    tab.controls["rate"] = 1.5
    tab("save", name)
    assert words in tab.status and tab.session.named == {}


def test_another_voice_forgets_what_belonged_to_the_old(tabs, voices):
    tab = tabs()
    tab(lambda *a: tab.acts.keep("A", *a))
    tab.shifts[0] = 2.0
    tab("turn_to", "no-such-voice")
    assert "unknown voice" in tab.status and "A" in tab.session.slots
    name = voices.names[1]
    updates = tab("turn_to", name)
    assert tab.session.voice == name and tab.session.slots == {}
    assert updates[tab.page.speaker]["choices"] == list(voices.open(name).speakers)
    labels = [updates[slider].get("label") for slider in tab.page.dimensions]
    assert labels == [d.label for d in voices.open(name).dimensions[:4]]
