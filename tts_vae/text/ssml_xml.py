"""XML of a stranger to a small tree: no DTD, no entities but the five, nothing from outside.

Expat reads the text; a handler refuses the document type before any entity can be declared, so
there is nothing to expand (no "billion laughs") and nothing to fetch (no external entity). Length,
depth and the number of elements are limited. Every error tells line and column, both from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

LONGEST = 200_000
"""Characters of one document: a long chapter."""
DEEPEST = 40
"""Elements inside each other."""
MOST_ELEMENTS = 20_000
"""Elements of one document."""


@dataclass(frozen=True)
class Place:
    """Where something stands in the document: line and column, both from 1."""

    line: int
    column: int

    def error(self, problem: str) -> ValueError:
        """The error that names this place."""
        return ValueError(f"SSML line {self.line}, column {self.column}: {problem}")

    def __str__(self) -> str:
        """Line and column in words."""
        return f"line {self.line}, column {self.column}"


@dataclass(frozen=True)
class Element:
    """One element.

    Attributes:
        name: as written, with its prefix.
        attributes: name -> value, entities resolved.
        place: where it begins.
        children: elements and texts in order.
    """

    name: str
    attributes: Mapping[str, str]
    place: Place
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text inside, tags left out."""
        return "".join(c if isinstance(c, str) else c.text for c in self.children)


def parse_xml(text: str) -> Element:
    """The root element of a document.

    Args:
        text: the document; an encoding that it declares is not looked at.

    Raises:
        ValueError: it is not well-formed, too long, too deep or too rich, or declares a document
            type or an entity; line and column are told.
    """
    if not isinstance(text, str):
        raise ValueError(f"SSML must be a string, got {type(text).__name__}")
    if len(text) > LONGEST:
        raise ValueError(
            f"SSML of at most {LONGEST} characters is read, got {len(text)}; speak it in parts"
        )
    # an XML declaration must stand first: what people put before it is only skipped
    document = text.lstrip("\ufeff \t\r\n")
    skipped = text[: len(text) - len(document)].count("\n")
    return _Builder(skipped).build(document)


class _Builder:
    """The handlers of one parse and the tree they make."""

    def __init__(self, skipped_lines: int) -> None:
        self._skipped = skipped_lines
        self._open: list[Element] = []
        self._root: Element | None = None
        self._elements = 0
        parser = expat.ParserCreate(encoding="UTF-8")
        parser.buffer_text = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        parser.ExternalEntityRefHandler = self._external
        self._parser = parser

    def build(self, document: str) -> Element:
        try:
            encoded = document.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(
                f"SSML holds U+{ord(document[error.start]):04X}, half of a character; "
                "give text that was decoded correctly"
            ) from error
        try:
            self._parser.Parse(encoded, True)
        except expat.ExpatError as error:
            problem = expat.ErrorString(error.code) or "not well-formed"
            place = Place(error.lineno + self._skipped, error.offset + 1)
            raise place.error(
                f"malformed XML: {problem}; close every tag, write & as &amp; and < as &lt;"
            ) from None
        assert self._root is not None  # expat refuses a document without an element
        return self._root

    def _here(self) -> Place:
        line, column = self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber
        return Place(line + self._skipped, column + 1)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        element = Element(name, attributes, self._here())
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise element.place.error(f"more than {MOST_ELEMENTS} elements; speak it in parts")
        if len(self._open) >= DEEPEST:
            raise element.place.error(f"elements are nested deeper than {DEEPEST}; nest fewer")
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, name: str) -> None:
        self._open.pop()

    def _characters(self, text: str) -> None:
        self._open[-1].children.append(text)

    def _doctype(self, *declared: object) -> None:
        raise self._here().error(
            "a document type (<!DOCTYPE ...>) can declare entities and is refused; leave it out "
            "and write characters themselves or as &#x2014;"
        )

    def _external(self, *reference: object) -> int:
        raise self._here().error("an external entity is refused; write its text here")
