"""The explorer in a headless browser: what a reader does there, and what comes of it."""

import base64
import io
import shutil

import soundfile

from tts_vae.evaluation.measures.pitch import measure_f0

BROWSERS = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome")

WATCH = """() => {
  window.took = null;
  const old = document.querySelector("#sound audio").src;
  document.addEventListener("pointerup", () => {
    const start = performance.now();
    const watch = setInterval(() => {
      const player = document.querySelector("#sound audio");
      if (player && player.src !== old && player.readyState >= 2) {
        window.took = performance.now() - start;
        clearInterval(watch);
      }
    }, 4);
  }, { capture: true, once: true });
}"""
"""Time from the next release of a slider until the player has the new sound loaded."""


def browser_path():
    """An installed Chromium; None if there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


class ExplorerPage:
    """One tab.

    Args:
        context: of the browser.
        url: of the explorer.
    """

    def __init__(self, context, url):
        self.complaints, self.outside = [], []
        self.tab = context.new_page()
        self.tab.on("console", self._console)
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.on("request", lambda r: self._request(r.url, url))
        self.tab.goto(url)
        self.tab.wait_for_selector("#sound audio", state="attached", timeout=60_000)
        self.tab.wait_for_timeout(300)

    def _console(self, message):
        if message.type == "error":
            self.complaints.append(message.text)

    def _request(self, requested, url):
        if not requested.startswith((url, "data:", "blob:")):
            self.outside.append(requested)

    @property
    def source(self):
        """Where the player's sound is."""
        return self.tab.get_attribute("#sound audio", "src")

    @property
    def wav(self):
        """Bytes of the sound."""
        return base64.b64decode(self.source.partition(",")[2])

    @property
    def sound(self):
        """Samples and their rate."""
        return soundfile.read(io.BytesIO(self.wav))

    @property
    def pitch_st(self):
        return measure_f0(*self.sound).level_st

    def text_of(self, selector):
        return " ".join(self.tab.inner_text(selector).split())

    def until_new(self, before):
        """Wait for another sound than ``before``."""
        self.tab.wait_for_function(
            "(old) => document.querySelector('#sound audio').src !== old",
            arg=before,
            timeout=30_000,
        )

    def doing(self, act):
        """Do something that makes a new sound, and wait for it."""
        before = self.source
        act()
        self.until_new(before)

    def until_said(self, words):
        """Wait for the line of what went wrong."""
        self._until("#status", words)

    def until_heard(self, words):
        """Wait for the table of what was measured."""
        self._until("#heard", words)

    def until_kept(self, words):
        """Wait for the styles kept as A and B."""
        self._until("#slots", words)

    def _until(self, selector, words):
        there = "([where, words]) => document.querySelector(where).innerText.includes(words)"
        try:
            self.tab.wait_for_function(there, arg=[selector, words], timeout=20_000)
        except Exception as error:
            shown = self.text_of(selector)
            raise AssertionError(f"expected {words!r} in {selector}, got {shown!r}") from error

    def type(self, text):
        self.tab.fill("#text textarea", text)

    def speak(self):
        self.doing(lambda: self.tab.click("#speak"))

    def drag(self, slider, share, release=True):
        """Take a slider with the mouse to a share of its length, in a few moves."""
        thumb = self.tab.locator(f"#{slider} input[type=range]")
        thumb.scroll_into_view_if_needed()
        box = thumb.bounding_box()
        middle = box["y"] + box["height"] / 2
        self.tab.mouse.move(box["x"] + box["width"] / 2, middle)
        self.tab.mouse.down()
        for part in (0.25, 0.5, 0.75, 1.0):
            x = 0.5 + (share - 0.5) * part
            self.tab.mouse.move(box["x"] + box["width"] * x, middle)
        if release:
            self.tab.mouse.up()

    def key(self, slider, key):
        thumb = self.tab.locator(f"#{slider} input[type=range]")
        thumb.focus()
        self.tab.keyboard.press(key)

    def value(self, slider):
        return float(self.tab.input_value(f"#{slider} input[type=number]"))

    def click_map(self, right, down):
        """Click at a share of the map's width and height."""
        picture = self.tab.locator("#map svg")
        picture.scroll_into_view_if_needed()
        box = picture.bounding_box()
        self.tab.mouse.click(box["x"] + right * box["width"], box["y"] + down * box["height"])
