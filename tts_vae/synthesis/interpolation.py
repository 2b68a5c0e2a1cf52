"""The way between two styles, spoken step by step with the phones held fixed."""

from collections.abc import Iterator
from typing import NamedTuple

from tts_vae.synthesis.speech import Speech
from tts_vae.synthesis.style import Style
from tts_vae.synthesis.voice import Voice
from tts_vae.synthesis.walks import speak_walk, steps_between


class Step(NamedTuple):
    """One point of an interpolation.

    Attributes:
        step: 0 at the first style, 1 at the last.
        style: the style there.
        speech: the text in that style.
    """

    step: float
    style: Style
    speech: Speech


def interpolate(
    voice: Voice,
    text: str,
    start: Style,
    end: Style,
    steps: int = 9,
    seed: int = 0,
    path: str = "linear",
    site: str | None = None,
) -> Iterator[Step]:
    """Speak a text at equally spaced points between two styles.

    The text is turned into phones once, so only the style differs between the steps.

    Args:
        voice: who speaks.
        text: what to say.
        start: style of the first step.
        end: style of the last step.
        steps: number of steps, both ends included.
        seed: of everything random, the same at every step.
        path: "linear", "spherical" or "ridge"; see
            :func:`tts_vae.synthesis.paths.path_between`.
        site: the only site that moves; None moves all.

    Raises:
        ValueError: at the call, if ``steps`` is less than 2, the styles are not of this voice,
            there is no such path between them, or the text holds nothing to speak.
    """
    walk = steps_between(voice, start, end, steps, path, site)
    spoken = speak_walk(voice, text, walk, seed)
    return (Step(stop.at[0], stop.style, speech) for stop, speech in spoken)
