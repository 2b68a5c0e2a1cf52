"""The line between two styles, spoken step by step with the phones held fixed."""

from collections.abc import Iterator
from typing import NamedTuple

from tts_vae.synthesis.speech import Speech, concatenate
from tts_vae.synthesis.style import Style
from tts_vae.synthesis.voice import Sentences, Voice


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
    voice: Voice, text: str, start: Style, end: Style, steps: int = 9, seed: int = 0
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

    Raises:
        ValueError: at the call, if ``steps`` is less than 2, the styles are not of this voice, or
            the text holds nothing to speak.
    """
    if steps < 2:
        raise ValueError(f"steps must be 2 or more (both ends are spoken), got {steps}")
    start.mix(end, 0.5)
    sentences = voice.phonemize(text)
    voice.speak_phones(sentences, start)  # checks the style; speaks nothing yet
    return _steps(voice, sentences, start, end, steps, seed)


def _steps(
    voice: Voice, sentences: Sentences, start: Style, end: Style, steps: int, seed: int
) -> Iterator[Step]:
    for number in range(steps):
        step = number / (steps - 1)
        style = start.mix(end, step)
        yield Step(step, style, concatenate(list(voice.speak_phones(sentences, style, seed))))
