"""One browser tab without a browser: what its components say, and what the page answers."""

import base64
import html
import io
import re
from dataclasses import dataclass

import soundfile

from tts_vae.explorer.events import catch_up, guarded
from tts_vae.explorer.form import FIELDS
from tts_vae.explorer.page import RANGES
from tts_vae.explorer.session import Session

TEXT = "Hello there, my friend."


@dataclass
class Click:
    """As gradio tells of a click on the map."""

    x: float
    y: float


class Tab:
    """One browser tab: its own session and components, the page and its voices shared."""

    def __init__(self, page, happenings, first):
        self.page = page
        self.acts = happenings
        self.session = Session(first)
        self.fields = dict(
            zip(FIELDS, (TEXT, None, None, True, "explicit", 0, "linear", True), strict=True)
        )
        self.controls = dict.fromkeys(RANGES, 0.0) | {"pitch_range": 1.0, "rate": 1.0, "pause": 1.0}
        self.shifts = [0.0] * len(page.dimensions)
        self.shown = {}
        self("begin")

    def __call__(self, act, *more, event=None):
        method = act if callable(act) else getattr(self.acts, act)
        values = (*self.fields.values(), *self.controls.values(), *self.shifts, *more)
        updates = guarded(self.page, method)(event, self.session, *values)
        updates |= catch_up(self.page)(self.session)
        self.shown.update(updates)
        named = {name: getattr(self.page, name) for name in ("speaker", "colour")}
        for name, component in named.items():
            if component in updates:
                value = updates[component]
                self.fields[name] = value["value"] if isinstance(value, dict) else value
        for name, slider in self.page.controls.items():
            self.controls[name] = updates.get(slider, self.controls[name])
        for i, slider in enumerate(self.page.dimensions):
            value = updates.get(slider, self.shifts[i])
            self.shifts[i] = value["value"] if isinstance(value, dict) else value
        return updates

    @property
    def status(self):
        return " ".join(html.unescape(re.sub("<.*?>", " ", self.shown[self.page.status])).split())

    @property
    def sound(self):
        inside = re.findall(r'src="data:audio/wav;base64,(.*?)"', self.shown[self.page.sound])[0]
        return soundfile.read(io.BytesIO(base64.b64decode(inside)))[0]
