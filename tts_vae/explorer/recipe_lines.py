"""The command line and the Python lines that make the sound in the page again, bit for bit."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tts_vae.explorer.choice import Choice
from tts_vae.explorer.limits import is_ssml
from tts_vae.synthesis.controls import CONTROLS
from tts_vae.synthesis.style_words import recipe
from tts_vae.synthesis.voice import Voice

_OPTIONS = {
    "name": "style",
    "pitch_st": "pitch",
    "pitch_range": "range",
    "energy_db": "energy",
}
"""Words of a style whose option of ``tts-vae speak`` has another name."""


@dataclass(frozen=True)
class Between:
    """A place on the way from one style to another.

    Attributes:
        a: the style at step 0.
        b: the style at the last step.
        step: 0 to ``steps - 1``.
        steps: how many, both ends included.
        kind: how the path goes: "linear", "spherical" or "ridge".
    """

    a: Choice
    b: Choice
    step: int
    steps: int
    kind: str = "linear"


@dataclass(frozen=True)
class Request:
    """One sound, as it was asked for.

    Attributes:
        voice: name of a shipped voice, or the folder of one.
        text: what to say.
        style: how.
        seed: of everything random.
        threads: CPU threads that were asked for; None where the process decided.
        vocoder: as on the command line; None for the voice's own.
    """

    voice: str
    text: str
    style: Choice | Between
    seed: int = 0
    threads: int | None = None
    vocoder: str | None = None


def command_line(voice: Voice, request: Request, every: bool = False) -> str:
    """The command that writes the sound; a comment where no command can.

    Args:
        voice: who speaks.
        request: the sound.
        every: of a step between two styles: all steps are meant.

    Raises:
        ValueError: if the voice cannot make the style.
    """
    style = request.style
    recordings = _recordings(style)
    if isinstance(style, Between):
        if recordings:
            return "# a style with the speaker of a recording: only the Python lines make it"
        ends = [recipe(end.words(voice)) for end in (style.a, style.b)]
        words = ["interpolate", "--voice", request.voice, f"--from={ends[0]}", f"--to={ends[1]}"]
        words += ["--steps", str(style.steps), "--out", "steps", *_shared(request)]
        words += ["--path", style.kind] if style.kind != "linear" else []
        step = f"the sound is steps/{style.step:02d}.wav"
        made = (
            f"  # {f'the sounds are steps/00.wav to {style.steps - 1:02d}.wav' if every else step}"
        )
    else:
        if recordings and (style.shifts or style.start.words.keys() - {"reference"}):
            return "# a style with the speaker of a recording: only the Python lines make it"
        words = ["speak", "--voice", request.voice, *_options(style.words(voice))]
        words += ["--out", "speech.wav", *_shared(request)]
        made = ""
    return shlex.join(["tts-vae", *words, "--", request.text]) + made


def python_lines(voice: Voice, request: Request, every: bool = False) -> str:
    """A program that writes the sound; arguments as of :func:`command_line`.

    Raises:
        ValueError: if the voice cannot make the style.
    """
    style = request.style
    more = {"vocoder": request.vocoder, "threads": request.threads}
    loaded = [repr(request.voice), *(f"{k}={v!r}" for k, v in more.items() if v is not None)]
    lines = ["from tts_vae import Voice", "", f"voice = Voice.load({', '.join(loaded)})"]
    speak = "speak_ssml" if is_ssml(request.text) else "speak"
    spoken = f"voice.{speak}({request.text!r}, style, seed={request.seed})"
    if isinstance(style, Choice):
        lines.append(f"style = {_expression(voice, style)}")
        return "\n".join([*lines, f'{spoken}.write("speech.wav")'])
    lines.insert(1, "from tts_vae.synthesis.paths import path_between")
    lines += [f"a = {_expression(voice, style.a)}", f"b = {_expression(voice, style.b)}"]
    lines.append(f"path = path_between(voice, a, b, {style.kind!r})")
    if not every:
        lines.append(f"style = path({style.step} / {style.steps - 1})")
        return "\n".join([*lines, f'{spoken}.write("speech.wav")'])
    lines += [f"for step in range({style.steps}):", f"    style = path(step / {style.steps - 1})"]
    return "\n".join([*lines, f'    {spoken}.write(f"steps/{{step:02d}}.wav")'])


def _expression(voice: Voice, choice: Choice) -> str:
    words = ", ".join(f"{k}={_value(v)}" for k, v in choice.words(voice).items())
    style = f"voice.style({words})"
    if choice.recorded is None:
        return style
    return f"voice.style(reference={choice.recorded.name!r}).with_prosody({style})"


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(f"{number:.9g}" for number in value) + "]"
    return repr(value)


def _options(words: Mapping[str, Any]) -> list[str]:
    """Words of a style as options of ``tts-vae speak``."""
    options = []
    for word, value in words.items():
        if word == "calibrated":
            options += [] if value else ["--uncalibrated"]
            continue
        name = _OPTIONS.get(word, word).replace("_", "-")
        shown = recipe({word: value}).partition("=")[2]
        if word in CONTROLS and not CONTROLS[word].factor:
            shown += CONTROLS[word].unit
        options.append(f"--{name}={shown}")
    return options


def _shared(request: Request) -> list[str]:
    options: list[str] = ["--seed", str(request.seed)] if request.seed else []
    options += ["--threads", str(request.threads)] if request.threads else []
    return [*options, *(["--vocoder", request.vocoder] if request.vocoder else [])]


def _recordings(style: Choice | Between) -> list[str]:
    ends = [style.a, style.b] if isinstance(style, Between) else [style]
    return [end.recorded.name for end in ends if end.recorded is not None]
