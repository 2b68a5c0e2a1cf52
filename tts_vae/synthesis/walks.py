"""A walk through the space of styles: where it stops, and the text spoken at every stop.

The text is turned into phones once and the seed is the same throughout, so only the style differs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tts_vae.synthesis.paths import check_style, glide, grid, path_between, traversal
from tts_vae.synthesis.speech import Speech, concatenate
from tts_vae.synthesis.style import Style
from tts_vae.synthesis.voice import Sentences, Voice


@dataclass(frozen=True)
class Stop:
    """One style on the way.

    Attributes:
        name: unique among the stops of a walk; a file name without its ending.
        title: where it is, in a few words.
        at: coordinates: (step,), (row, column), or (standard deviations,).
        style: the style there.
    """

    name: str
    title: str
    at: tuple[float, ...]
    style: Style


@dataclass(frozen=True)
class Walk:
    """Styles to be spoken in order.

    Attributes:
        kind: "steps", "within", "grid" or "traversal".
        title: what is walked, in a few words.
        columns: stops side by side in a grid; else all of them.
        stops: in order, at least two.
    """

    kind: str
    title: str
    columns: int
    stops: tuple[Stop, ...]


def steps_between(
    voice: Voice,
    start: Style,
    end: Style,
    steps: int = 9,
    path: str = "linear",
    site: str | None = None,
) -> Walk:
    """Equally spaced styles from one to another; see :func:`tts_vae.synthesis.paths.path_between`.

    Raises:
        ValueError: if ``steps`` is less than 2, or there is no such path between these styles.
    """
    if steps < 2:
        raise ValueError(f"steps must be 2 or more (both ends are spoken), got {steps}")
    way = path_between(voice, start, end, path, site)
    stops = []
    for number in range(steps):
        step = number / (steps - 1)
        title = f"{100 * step:.3g} %"
        stops.append(Stop(_numbered(number, steps), title, (step,), way(step)))
    return Walk("steps", f"{path} path{_only(site)}", steps, tuple(stops))


def within_text(
    voice: Voice,
    text: str,
    start: Style,
    end: Style,
    path: str = "linear",
    site: str | None = None,
) -> Walk:
    """One text four times: in the first style, gliding to the last, in the last, gliding back.

    Raises:
        ValueError: if there is no such path, or the text has fewer than two phones to glide over.
    """
    there = path_between(voice, start, end, path, site)
    phones = voice.phonemize(text)
    stops = (
        Stop("0-start", "first style", (0.0,), there(0.0)),
        Stop("1-glide", "gliding to the last", (0.5,), glide(there, phones)),
        Stop("2-end", "last style", (1.0,), there(1.0)),
        Stop("3-back", "gliding back", (0.5,), glide(lambda step: there(1 - step), phones)),
    )
    return Walk("within", f"{path} path within the text{_only(site)}", len(stops), stops)


def grid_between(voice: Voice, corners: Sequence[Style], size: int = 5) -> Walk:
    """A square of styles between four; see :func:`tts_vae.synthesis.paths.grid`.

    Raises:
        ValueError: if there are not four styles of this voice, or ``size`` is less than 2.
    """
    for corner in corners:
        check_style(voice, corner)
    stops = []
    for row, styles in enumerate(grid(corners, size)):
        for column, style in enumerate(styles):
            title = f"row {row + 1}, column {column + 1}"
            at = (row / (size - 1), column / (size - 1))
            stops.append(Stop(f"r{row}c{column}", title, at, style))
    return Walk("grid", f"{size} by {size} grid between four styles", size, tuple(stops))


def along_dimension(
    voice: Voice,
    style: Style,
    dimension: int,
    sd: float = 3.0,
    steps: int = 7,
    site: str | None = None,
) -> Walk:
    """One dimension of a site from -sd to +sd; see :func:`tts_vae.synthesis.paths.traversal`.

    Args:
        voice: whose style it is.
        style: about which.
        dimension: of the site, from 0.
        sd: how far either way, in standard deviations of the prior.
        steps: number of styles, both ends included.
        site: the prosody site if None.

    Raises:
        ValueError: if ``steps`` is less than 2, ``sd`` is not above 0, or there is no such
            dimension.
    """
    if steps < 2:
        raise ValueError(f"steps must be 2 or more (both ends are spoken), got {steps}")
    if not 0 < sd <= 10:
        raise ValueError(f"sd must be above 0 and at most 10 standard deviations, got {sd:g}")
    sds = [sd * (2 * number - (steps - 1)) / (steps - 1) for number in range(steps)]
    styles = traversal(voice, style, dimension, sds, site)
    stops = tuple(
        Stop(_numbered(number, steps), f"{at:+.3g} sd" if at else "0 sd", (at,), moved)
        for number, (at, moved) in enumerate(zip(sds, styles, strict=True))
    )
    name = site or voice.prosody_site
    return Walk("traversal", f"dimension {dimension} of the {name} site", steps, stops)


def speak_walk(voice: Voice, text: str, walk: Walk, seed: int = 0) -> Iterator[tuple[Stop, Speech]]:
    """Speak a text at every stop, each when it is asked for.

    Raises:
        ValueError: at the call, if the text holds nothing to speak or a style does not fit it.
    """
    sentences = voice.phonemize(text)
    for stop in walk.stops:
        voice.speak_phones(sentences, stop.style, seed)  # checks the style; speaks nothing yet
    return _spoken(voice, sentences, walk, seed)


def _spoken(
    voice: Voice, sentences: Sentences, walk: Walk, seed: int
) -> Iterator[tuple[Stop, Speech]]:
    for stop in walk.stops:
        yield stop, concatenate(list(voice.speak_phones(sentences, stop.style, seed)))


def _numbered(number: int, of: int) -> str:
    return f"{number:0{max(2, len(str(of - 1)))}d}"


def _only(site: str | None) -> str:
    return f", {site} alone" if site else ""
