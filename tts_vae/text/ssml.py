"""SSML 1.1 (W3C Recommendation, 7 September 2010) to sentences of pieces: plain data, no audio.

``speak p s w token break prosody emphasis say-as sub phoneme voice`` and our own ``style``. Of
other elements the text is spoken with a warning, but not that of ``metadata``, ``lexicon`` or
``desc``, which nobody was meant to hear. Spans may nest; the rules are those of
:mod:`tts_vae.text.ssml_prosody`: of absolute values the inner one wins, relative ones multiply or
add. Within one element ``duration`` goes before ``rate``; of emphases inside each other only the
inner one counts, and it comes on top of all prosody.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from .ssml_document import Break, Piece, Prosody, Sentence, Speaker, StyleChoice
from .ssml_prosody import emphasised, read_break, with_prosody
from .ssml_say_as import say_as
from .ssml_sentences import Block, cut_sentences
from .ssml_xml import Element, parse_xml

MOST_SILENCE_S = 600.0
"""All breaks of a document together."""

_BEGINNING = re.compile(r"\s*(?:\ufeff\s*)?<(?:speak[\s>/]|\?xml\s|!DOCTYPE\s)")
_UNHEARD = ("metadata", "meta", "lexicon", "desc", "mark")
_GENDERS = ("male", "female", "neutral")
_STYLE_WAYS = ("name", "component", "reference")
_T = TypeVar("_T")


def is_ssml(text: str) -> bool:
    """Whether a text is meant as SSML: it begins with ``<speak``, or as an XML document does."""
    return _BEGINNING.match(text) is not None


def parse_ssml(text: str) -> tuple[Sentence, ...]:
    """Read a document.

    Args:
        text: a ``<speak>`` document.

    Returns:
        Its sentences, at least one. Pieces hold text or IPA with their prosody resolved to factors,
        semitones, Hz and dB; say-as and sub are replaced by their words.

    Raises:
        ValueError: malformed XML, a document type or entity, limits exceeded, an attribute that is
            none, or nothing to speak; one line, with line and column.

    Warns:
        UserWarning: an element or attribute that is not followed.
    """
    root = parse_xml(text)
    if root.name != "speak":
        raise root.place.error(f"expected <speak> around everything, got <{root.name}>")
    reader = _Reader()
    reader.inside(root, _State())
    sentences = cut_sentences(reader.blocks)
    if not sentences:
        raise root.place.error("nothing to speak: give text with at least one letter or digit")
    return sentences


@dataclass(frozen=True)
class _State:
    """What holds inside an element."""

    prosody: Prosody = Prosody()
    emphasis: str | None = None
    speaker: Speaker | None = None
    style: StyleChoice | None = None


class _Reader:
    """Walks the tree and collects blocks: the stretches between the ends of sentences."""

    def __init__(self) -> None:
        self.blocks: list[Block] = [Block()]
        self._spans = 0
        self._silence_s = 0.0
        self._handlers: dict[str, Callable[[Element, _State], None]] = {
            "speak": self.inside,
            "p": self._paragraph,
            "s": self._sentence,
            "w": self.inside,
            "token": self.inside,
            "break": self._break,
            "prosody": self._prosody,
            "emphasis": self._emphasis,
            "say-as": self._say_as,
            "sub": self._sub,
            "phoneme": self._phoneme,
            "voice": self._voice,
            "style": self._style,
        }

    def inside(self, element: Element, state: _State) -> None:
        """All children of an element."""
        for child in element.children:
            if isinstance(child, str):
                self._piece(element, child, state)
            elif child.name in self._handlers:
                try:
                    self._handlers[child.name](child, state)
                except _ValueProblem as problem:
                    raise child.place.error(f"<{child.name}>: {problem}") from None
            elif child.name in _UNHEARD:
                _warn(child, f"<{child.name}> is left out")
            else:
                _warn(child, f"<{child.name}> is not known; its text is spoken plainly")
                self.inside(child, state)

    def _piece(self, element: Element, text: str, state: _State, ipa: str | None = None) -> None:
        prosody = state.prosody
        if state.emphasis is not None:
            prosody = emphasised(prosody, state.emphasis)
        text = re.sub(r"\s+", " ", text)
        if text or ipa is not None:
            piece = Piece(text, prosody, state.speaker, state.style, ipa, element.place)
            self.blocks[-1].items.append(piece)

    def _paragraph(self, element: Element, state: _State) -> None:
        self.blocks.append(Block())
        self.inside(element, state)
        self.blocks.append(Block())

    def _sentence(self, element: Element, state: _State) -> None:
        self.blocks.append(Block(whole=True))
        self.inside(element, state)
        self.blocks.append(Block())

    def _break(self, element: Element, state: _State) -> None:
        seconds = _reading(read_break, dict(element.attributes))
        self._silence_s += seconds
        if self._silence_s > MOST_SILENCE_S:
            raise _ValueProblem(f"all breaks together are longer than {MOST_SILENCE_S:g} s")
        self.blocks[-1].items.append(Break(seconds))
        self.inside(element, state)

    def _prosody(self, element: Element, state: _State) -> None:
        attributes = dict(element.attributes)
        if attributes.pop("contour", None) is not None:
            _warn(element, "<prosody contour> is not followed; use nested pitch spans")
        self._spans += 1
        prosody = _reading(with_prosody, state.prosody, attributes, self._spans)
        self.inside(element, replace(state, prosody=prosody))

    def _emphasis(self, element: Element, state: _State) -> None:
        level = element.attributes.get("level", "moderate").strip().lower()
        _reading(emphasised, state.prosody, level)
        self.inside(element, replace(state, emphasis=level))

    def _say_as(self, element: Element, state: _State) -> None:
        kind = _needed(element, "interpret-as")
        words = _reading(say_as, element.text, kind, element.attributes.get("format", ""))
        if words is None:
            _warn(element, f"interpret-as={kind[:40]!r} is not known; the text is spoken as it is")
            self.inside(element, state)
        else:
            self._piece(element, words, state)

    def _sub(self, element: Element, state: _State) -> None:
        self._piece(element, _needed(element, "alias"), state)

    def _phoneme(self, element: Element, state: _State) -> None:
        ipa = _needed(element, "ph")
        alphabet = element.attributes.get("alphabet", "ipa").strip().lower()
        if alphabet != "ipa":
            raise _ValueProblem(f"alphabet must be ipa; got {alphabet[:40]!r}")
        self._piece(element, element.text, state, ipa)

    def _voice(self, element: Element, state: _State) -> None:
        names = tuple(element.attributes.get("name", "").split())
        gender = element.attributes.get("gender", "").strip().lower() or None
        if gender is not None and gender not in _GENDERS:
            raise _ValueProblem(f"gender must be one of {', '.join(_GENDERS)}; got {gender[:40]!r}")
        for attribute in sorted(set(element.attributes) - {"name", "gender", "xml:lang"}):
            _warn(element, f"<voice {attribute}> is not followed; give name or gender")
        if names or gender:
            state = replace(state, speaker=Speaker(names, gender, element.place))
        self.inside(element, state)

    def _style(self, element: Element, state: _State) -> None:
        given = [way for way in _STYLE_WAYS if way in element.attributes]
        if len(given) != 1 or len(element.attributes) != 1:
            got = " and ".join(element.attributes) or "nothing"
            raise _ValueProblem(f"give one of {', '.join(_STYLE_WAYS)}; got {got[:80]}")
        value: str | int = element.attributes[given[0]].strip()
        if given[0] == "component":
            if not re.fullmatch(r"[0-9]{1,9}", str(value)):
                raise _ValueProblem(f"component must be a whole number; got {str(value)[:40]!r}")
            value = int(value)
        if value == "":
            raise _ValueProblem(f"{given[0]} is empty; write {given[0]}='...'")
        choice = StyleChoice(given[0], value, element.place)
        self.inside(element, replace(state, style=choice))


class _ValueProblem(ValueError):
    """A problem whose place is not told yet."""


def _reading(read: Callable[..., _T], *arguments: object) -> _T:
    try:
        return read(*arguments)
    except ValueError as error:
        raise _ValueProblem(str(error)) from None


def _needed(element: Element, attribute: str) -> str:
    value = element.attributes.get(attribute, "").strip()
    if not value:
        raise _ValueProblem(f"{attribute} is missing or empty; write {attribute}='...'")
    return value


def _warn(element: Element, what: str) -> None:
    warnings.warn(f"SSML {element.place}: {what}", UserWarning, stacklevel=2)
