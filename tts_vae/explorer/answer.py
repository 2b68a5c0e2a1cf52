"""A request for a sound -> everything the page shows of it, and the way from A to B at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from html import escape

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex

from tts_vae.explorer.choice import Choice
from tts_vae.explorer.limits import is_ssml
from tts_vae.explorer.measuring import listen, steps_table, table
from tts_vae.explorer.open_voice import OpenVoice
from tts_vae.explorer.recipe_lines import Between, Request, command_line, python_lines
from tts_vae.explorer.sound_panel import contour, sound_panel, steps_panel
from tts_vae.synthesis.controls import CONTROLS, mixed
from tts_vae.synthesis.speech import Speech, concatenate
from tts_vae.synthesis.textgrid import textgrid, words_in

STEPS = 9
"""Steps from A to B, both ends included."""


@dataclass(frozen=True)
class Answer:
    """One sound as the page shows it; all of it HTML.

    Attributes:
        sound: player and pictures.
        recipe: how to make it again.
        heard: measures and returns what was asked beside what is heard; worked out after the
            sound is shown, so that nobody waits for it.
    """

    sound: str
    recipe: str
    heard: Callable[[], str]


def answer(open_voice: OpenVoice, request: Request, autoplay: bool = True) -> Answer:
    """Speak, draw and measure.

    Raises:
        ValueError: if the text or the style cannot be spoken, or praat-parselmouth is missing.
    """
    speech = open_voice.speak(request)

    def heard() -> str:
        rest, judge = open_voice.at_rest(request), open_voice.judge
        return table(listen(speech, judge), rest, _asked(request.style), judge is not None)

    title, grid = _title(open_voice, request.style), _grid(open_voice, request, speech)
    shown = sound_panel(speech, contour(speech), title, grid, autoplay)
    return Answer(shown, _recipe(open_voice, request), heard)


def answer_steps(
    open_voice: OpenVoice, request: Request, way: Between, autoplay: bool = True
) -> Answer:
    """Speak every step from A to B, one after the other.

    Raises:
        ValueError: as :func:`answer`.
    """
    requests = [replace(request, style=replace(way, step=i)) for i in range(way.steps)]
    speeches = [open_voice.speak(each) for each in requests]
    colours = [to_hex(colormaps["viridis"](x)) for x in np.linspace(0, 0.9, way.steps)]

    def heard() -> str:
        return steps_table([listen(each, open_voice.judge) for each in speeches], colours)

    contours = [contour(speech) for speech in speeches]
    joined = concatenate([s.with_pause(0.45, float(s.mels.min())) for s in speeches])
    title = f"all {way.steps} steps from A to B, {way.kind}"
    shown = steps_panel(joined, contours, colours, title, autoplay)
    return Answer(shown, _recipe(open_voice, requests[0], every=True), heard)


def _asked(style: Choice | Between) -> Mapping[str, float]:
    """Control -> what was asked for, of those not at rest."""
    if isinstance(style, Choice):
        return style.controls
    asked = {}
    for name, scale in CONTROLS.items():
        a, b = (end.controls.get(name, scale.usual) for end in (style.a, style.b))
        value = float(mixed(name, a, b, style.step / (style.steps - 1)))
        if value != scale.usual:
            asked[name] = value
    return asked


def _title(open_voice: OpenVoice, style: Choice | Between) -> str:
    if isinstance(style, Between):
        return f"between A and B, step {style.step} of {style.steps - 1}, {style.kind}"
    who = style.recorded.name if style.recorded else style.speaker or open_voice.name
    moved = f", {len([s for s in style.shifts if s])} dimensions moved" if style.shifts else ""
    return f"{who}, {style.start.label}{moved}"


def _grid(open_voice: OpenVoice, request: Request, speech: Speech) -> str:
    marked = is_ssml(request.text)
    return textgrid(speech, () if marked else words_in(open_voice.voice, request.text))


def _recipe(open_voice: OpenVoice, request: Request, every: bool = False) -> str:
    lines = {
        "Command line": command_line(open_voice.voice, request, every),
        "Python": python_lines(open_voice.voice, request, every),
    }
    return "".join(
        f'<div class="recipe"><h4>{escape(name)}<button type="button" class="copy">copy</button>'
        f"</h4><pre>{escape(text)}</pre></div>"
        for name, text in lines.items()
    )
