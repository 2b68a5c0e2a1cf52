"""The page in headless Chromium, as a reader uses it."""

import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from browser_page import WATCH, ExplorerPage, browser_path
from tiny_voice import sweep

from tts_vae.cli import main
from tts_vae.voices import FOLDER

pytest.importorskip("gradio", reason="the explorer's page needs the explore extra")
pytest.importorskip("parselmouth", reason="the page measures F0 with praat-parselmouth")
playwright = pytest.importorskip("playwright.sync_api", reason="browser tests need playwright")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser_path() is None, reason="browser tests need Chromium"),
    # playwright's own loop, closed at the end of the module, outlives the test that gc runs in
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SENTENCE = "The quick brown fox jumps over the lazy dog near the old river bank on Sundays."


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    """The shipped voice, in a folder that may be written."""
    folder = tmp_path_factory.mktemp("voices") / "espeak"
    shutil.copytree(FOLDER / "espeak", folder)
    shutil.copytree(FOLDER / "vocoder", folder / "vocoder")
    return folder


@pytest.fixture(scope="module")
def url(voice):
    """The explorer, as the command line starts it, on a free port."""
    command = [sys.executable, "-m", "tts_vae", "explore", "--voice", str(voice), "--port", "0"]
    with subprocess.Popen([*command, "--no-browser"], stdout=subprocess.PIPE, text=True) as server:
        line = server.stdout.readline()
        yield line.partition(": ")[0]
        server.terminate()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        opened = started.chromium.launch(executable_path=browser_path(), args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser, url):
    """Opens tabs; each of a context of its own unless one is given."""
    contexts = []

    def make(width=1400, height=900):
        size = {"width": width, "height": height}
        contexts.append(browser.new_context(viewport=size, accept_downloads=True))
        return ExplorerPage(contexts[-1], url)

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page):
    opened = open_page()
    yield opened
    assert opened.outside == [] and opened.complaints == []


def test_typing_speaks_and_the_download_is_what_the_command_line_writes(
    page, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    page.type(SENTENCE)
    page.speak()
    page.doing(lambda: page.drag("pitch_st", 0.7))
    page.doing(lambda: page.click_map(0.3, 0.6))
    page.doing(lambda: page.key("dimension-2", "End"))
    with page.tab.expect_download() as download:
        page.tab.click("#sound a.wav")
    saved = download.value.path().read_bytes()
    assert saved == page.wav
    command, program = page.tab.locator("#recipe pre").all_inner_texts()
    assert main(shlex.split(command)[1:]) == 0
    assert (tmp_path / "speech.wav").read_bytes() == saved
    (tmp_path / "speech.wav").unlink()
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    assert (tmp_path / "speech.wav").read_bytes() == saved
    with page.tab.expect_download() as download:
        page.tab.click("#sound a.grid")
    grid = download.value.path().read_text(encoding="utf-8")
    assert grid.startswith('File type = "ooTextFile"') and 'text = "fox"' in grid


def test_a_slider_changes_the_sound_on_release_within_a_second(page, capsys):
    page.type(SENTENCE)
    page.speak()
    usual, took = page.pitch_st, []
    for share in (0.75, 0.25, 0.6, 0.7, 0.4):
        page.tab.evaluate(WATCH)
        before = page.source
        page.drag("pitch_st", share, release=False)
        page.tab.wait_for_timeout(700)
        assert page.source == before  # moves alone make nothing
        page.tab.mouse.up()
        page.until_new(before)
        page.tab.wait_for_function("window.took !== null", timeout=5_000)
        took.append(page.tab.evaluate("window.took"))
        asked = page.value("pitch_st")
        assert page.pitch_st - usual == pytest.approx(asked, abs=0.7)
        page.until_heard(f"{asked:+.1f} st")
    with capsys.disabled():
        sys.stdout.write(f"\nms from release to sound: {[round(ms) for ms in took]}\n")
    assert min(took) <= 1_000  # what else runs on the machine only adds to it


def test_a_click_on_the_map_changes_the_sound(page):
    before = page.pitch_st
    heard = set()
    for place in ((0.2, 0.3), (0.8, 0.3), (0.5, 0.9)):
        page.doing(lambda place=place: page.click_map(*place))
        heard.add(round(page.pitch_st, 3))
    assert len(heard | {round(before, 3)}) == 4
    assert "map" in page.text_of("#sound .title") or "draw" in page.text_of("#sound .title")


def test_sliders_at_their_ends_by_keyboard(page):
    page.tab.uncheck("#autoplay input")
    for slider in ("pitch_st", "pitch_range", "rate", "energy_db", "pause", "dimension-0"):
        for key in ("End", "Home"):
            page.doing(lambda slider=slider, key=key: page.key(slider, key))
            samples, _ = page.sound
            assert len(samples) > 5_000 and 0.001 < np.abs(samples).max() <= 1
            assert "went wrong" not in page.text_of("#status")
    page.doing(lambda: page.tab.click("#rest"))
    assert page.value("rate") == 1


def test_numbers_typed_beside_a_slider(page):
    box = page.tab.locator("#pitch_st input[type=number]")
    for typed, meant in (("99", 12.0), ("3", 3.0), ("-40", -12.0)):
        page.doing(lambda typed=typed: (box.fill(typed), box.press("Enter")))
        assert page.value("pitch_st") == meant
        page.until_heard(f"{meant:+.1f} st")
    page.doing(lambda: (box.fill(""), box.blur()))
    assert page.value("pitch_st") == 0
    rate = page.tab.locator("#rate input[type=number]")
    rate.fill("")
    rate.blur()
    page.tab.wait_for_timeout(1_000)
    assert page.value("rate") == 1
    page.tab.fill("#seed input", "-1")
    page.tab.press("#seed input", "Enter")
    page.until_said("seed must be a whole number")


def test_two_tabs_at_once_do_not_hear_each_other(open_page):
    one, two = open_page(), open_page()
    one.type("The first tab says this.")
    two.type("And the second says something else entirely.")
    before = one.source, two.source
    one.tab.click("#speak")
    two.tab.click("#speak")
    one.until_new(before[0])
    two.until_new(before[1])
    other = two.source
    one.doing(lambda: one.drag("pitch_st", 0.8))
    one.tab.click("#keep-A")
    one.doing(lambda: one.click_map(0.3, 0.3))
    assert two.source == other and two.value("pitch_st") == 0
    assert "nothing kept yet" in two.text_of("#slots").split("B")[0]
    two.doing(lambda: two.key("rate", "End"))
    two.until_heard("×2.00")
    assert two.text_of("#heard tr.moved").startswith("speaking rate")
    assert "first" not in two.text_of("#recipe") and "second" in two.text_of("#recipe")
    assert one.complaints == two.complaints == []


def test_mistakes_are_lines_on_the_page(page):
    before = page.source
    for text, words in (
        ("", "no text yet"),
        ("😀😀", "no letter or digit"),
        ("<speak>hello <b", "malformed XML"),
    ):
        page.type(text)
        page.tab.click("#speak")
        page.until_said(words)
        assert page.source == before
    page.type("Good again.")
    page.speak()
    assert page.text_of("#status [role]") == ""


def test_recordings_are_taken_or_refused(page, tmp_path):
    upload = "#reference input[type=file]"
    good = tmp_path / "good.wav"
    soundfile.write(good, sweep(2.0, 22050), 22050)
    page.doing(lambda: page.tab.set_input_files(upload, good))
    assert "recording good.wav" in page.text_of("#sound .title")
    large = tmp_path / "large.wav"
    large.write_bytes(bytes(11 * 2**20))
    page.tab.click("#reference button[aria-label='Clear']")
    page.tab.set_input_files(upload, large)
    page.until_said("larger than 10 MB")
    cases = {
        "is silent": np.zeros(22050),
        "lasts 0.1 s": sweep(0.1, 22050),
        "is not a sound file": b"RIFF but no wav",
    }
    for words, content in cases.items():
        path = tmp_path / "bad.wav"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            soundfile.write(path, content, 22050)
        clear = page.tab.locator("#reference button[aria-label='Clear']")
        if clear.is_visible():
            clear.click()
        page.tab.set_input_files(upload, path)
        page.until_said(words)
        assert str(tmp_path) not in page.text_of("#status")
    page.complaints = [line for line in page.complaints if "Waveform load error" not in line]


def test_from_a_to_b_and_a_name_that_stays(page, open_page):
    page.tab.click("#keep-A")
    page.doing(lambda: page.drag("pitch_st", 0.75))
    page.doing(lambda: page.key("rate", "End"))
    high = page.pitch_st
    page.tab.click("#keep-B")
    page.until_kept("rate")
    page.doing(lambda: page.key("step", "ArrowRight"))
    page.doing(lambda: page.key("step", "End"))
    assert page.pitch_st == pytest.approx(high, abs=1e-6)
    page.doing(lambda: page.tab.click("#play-all"))
    page.until_heard("7/8")
    assert page.tab.locator("#heard tbody tr").count() == 9
    assert len(page.sound[0]) / page.sound[1] > 20
    page.tab.fill("#name input, #name textarea", "my-own-way")
    page.tab.click("#save")
    page.until_said("--style my-own-way")
    other = open_page()
    other.tab.click("#start input")
    other.doing(lambda: other.tab.get_by_text("saved: my-own-way").click())
    assert other.value("pitch_st") == page.value("pitch_st")
    assert other.pitch_st == pytest.approx(high, abs=0.05)


def test_another_voice(page):
    assert page.tab.locator("#speaker").is_visible()
    page.tab.click("#voice input")
    page.doing(lambda: page.tab.get_by_role("option", name="ljspeech-mini").click())
    page.tab.wait_for_selector("#speaker", state="hidden")  # it has but one
    page.until_heard("phones/s")
    assert "--voice ljspeech-mini" in page.text_of("#recipe")
    page.doing(lambda: page.drag("dimension-3", 0.9))
    page.tab.click("#start input")
    page.doing(lambda: page.tab.get_by_role("option", name="component 4").click())
    assert page.value("dimension-3") == 0


@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_sticks_out_of_the_page(open_page, width):
    page = open_page(width, 900)
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= width
    assert page.outside == [] and page.complaints == []
