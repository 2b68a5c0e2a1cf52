"""Names for styles, kept with a voice: "calm" for a recipe, "cheerful" for a component.

styles.json holds ``named`` (name -> recipe, in the words of ``voice.style``) and
``component_names`` (number of a component -> name). A named style is a place to start from: words
that come with it replace its own.
"""

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_vae.synthesis.bundle import VoiceBundle
from tts_vae.synthesis.style_words import STYLE_WORDS, parse_style, recipe
from tts_vae.synthesis.voice_styles import read_styles, update_styles

if TYPE_CHECKING:
    from tts_vae.synthesis.voice import Voice

NAMED, COMPONENT_NAMES = "named", "component_names"
"""Entries of styles.json."""

WAYS = ("reference", "component", "vector", "prior")
"""Ways to choose the prosody; they exclude each other."""

LONGEST_NAME = 40
_RESERVED = {"default", *STYLE_WORDS, *(part for word in STYLE_WORDS for part in word.split("_"))}


def named_styles(bundle: VoiceBundle) -> dict[str, str]:
    """Name -> recipe of every named style of a voice, its named components among them.

    Raises:
        ValueError: if the entries of styles.json are not names and recipes.
    """
    return recipes_in(bundle.styles)


def recipes_in(styles: Mapping[str, Any]) -> dict[str, str]:
    """As :func:`named_styles`, of the contents of styles.json."""
    components = {
        name: f"component={number}" for number, name in _texts(styles, COMPONENT_NAMES).items()
    }
    return {**components, **_texts(styles, NAMED)}


def saved_styles(styles: Mapping[str, Any]) -> dict[str, str]:
    """Name -> recipe of the saved styles alone, from the contents of styles.json."""
    return _texts(styles, NAMED)


def component_names(styles: Mapping[str, Any]) -> dict[int, str]:
    """Number -> name of the components that have one, from the contents of styles.json."""
    return {int(number): name for number, name in _texts(styles, COMPONENT_NAMES).items()}


def named_words(
    bundle: VoiceBundle, name: str, given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What a named style says, in keyword arguments of ``voice.style``.

    Args:
        bundle: the voice.
        name: of a saved style or a component.
        given: further words, which replace those of the recipe; another reference, component,
            vector or prior replaces the one there.

    Raises:
        ValueError: if the voice has no such style (those it has are listed) or it is another
            voice's.
    """
    known = named_styles(bundle)
    name = unicodedata.normalize("NFC", name.strip())
    if name not in known:
        listed = ", ".join(known) or "none: save one with `tts-vae styles --save NAME --style ...`"
        raise ValueError(f"unknown style name {name!r}; this voice has {listed}")
    words = parse_style(known[name])
    _check_fit(bundle.styles, words, f"the style {name!r}")
    return merged(words, given or {})


def merged(words: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The words of a recipe with those given on top."""
    kept = dict(words)
    if any(given.get(way) is not None for way in WAYS):
        for word in (*WAYS, "temperature"):
            kept.pop(word, None)
    return kept | {word: value for word, value in given.items() if value is not None}


def save_style(folder: str | Path, name: str, style: str | Mapping[str, Any]) -> str:
    """Save a style under a name, in place of one that has it.

    Args:
        folder: of the voice.
        name: letters, digits, - and _, a letter first.
        style: a recipe, or keyword arguments of ``voice.style``; a named style in it is written
            out. Arrays and recordings cannot be saved: see :func:`portable_words`.

    Returns:
        The recipe as it was saved.

    Raises:
        ValueError: if the name cannot be used, the recipe is malformed, chooses nothing or is of
            another voice, or the folder cannot be written.
    """
    styles = read_styles(folder)
    name = checked_name(styles, name)
    if name in component_names(styles).values():
        raise ValueError(f"{name!r} is the name of a component; choose another, or delete it first")
    words = parse_style(style) if isinstance(style, str) else dict(style)
    inner = words.pop("name", None)
    if inner is not None:
        known = recipes_in(styles)
        if inner not in known:
            raise ValueError(f"unknown style name {inner!r}; this voice has {', '.join(known)}")
        words = merged(parse_style(known[inner]), words)
    if words.get("reference") is not None:
        raise ValueError(
            "a saved style cannot hold a recording, which is not part of the voice; save its "
            "vector instead (tts-vae styles --save does that)"
        )
    _check_fit(styles, words, "the style")
    written = recipe({word: words[word] for word in STYLE_WORDS if word in words})
    if not parse_style(written):
        raise ValueError(f"the style of {name!r} chooses nothing; give it at least one word")
    update_styles(folder, NAMED, {**_texts(styles, NAMED), name: written})
    return written


def name_component(folder: str | Path, component: int, name: str) -> None:
    """Give a component a name, in place of the one it has.

    Raises:
        ValueError: if there is no such component, the name cannot be used or is taken, or the
            folder cannot be written.
    """
    styles = read_styles(folder)
    name = checked_name(styles, name)
    _check_fit(styles, {"component": component}, "the name")
    names = component_names(styles)
    taken = {other: number for number, other in names.items() if number != component}
    if name in taken or name in _texts(styles, NAMED):
        owner = f"component {taken[name]}" if name in taken else "a saved style"
        raise ValueError(f"{name!r} is the name of {owner}; choose another, or delete it first")
    names[component] = name
    update_styles(folder, COMPONENT_NAMES, {str(number): names[number] for number in sorted(names)})


def rename_style(folder: str | Path, old: str, new: str) -> None:
    """Give a saved style or a named component another name.

    Raises:
        ValueError: if there is none, or the new name cannot be used or is taken.
    """
    styles = read_styles(folder)
    new = checked_name(styles, new)
    known = recipes_in(styles)
    if old not in known:
        raise ValueError(f"unknown style name {old!r}; this voice has {', '.join(known) or 'none'}")
    if new in known and new != old:
        raise ValueError(f"{new!r} is taken ({known[new]}); choose another, or delete it first")
    for key in (NAMED, COMPONENT_NAMES):
        entries = _texts(styles, key)
        by_name = key == NAMED
        renamed = {
            (new if by_name and k == old else k): (new if not by_name and v == old else v)
            for k, v in entries.items()
        }
        if renamed != entries:
            update_styles(folder, key, renamed)


def delete_style(folder: str | Path, name: str) -> str:
    """Delete a saved style, or the name of a component (the component stays).

    Returns:
        The recipe it had.

    Raises:
        ValueError: if the voice has no such name (those it has are listed).
    """
    styles = read_styles(folder)
    known = recipes_in(styles)
    if name not in known:
        raise ValueError(
            f"unknown style name {name!r}; this voice has {', '.join(known) or 'none'}"
        )
    saved, components = _texts(styles, NAMED), _texts(styles, COMPONENT_NAMES)
    if name in saved:
        update_styles(folder, NAMED, {k: v for k, v in saved.items() if k != name} or None)
    else:
        kept = {number: other for number, other in components.items() if other != name}
        update_styles(folder, COMPONENT_NAMES, kept or None)
    return known[name]


def portable_words(voice: "Voice", words: Mapping[str, Any]) -> dict[str, Any]:
    """The same style without a recording: its prosody as a vector.

    Who spoke in the recording cannot be written in words: the style keeps ``speaker`` if it is
    given, and else takes the speaker that is asked for with it.

    Raises:
        ValueError: if the style is none of this voice.
    """
    style = voice.style(**words)
    kept = {word: value for word, value in words.items() if word != "reference"}
    if words.get("reference") is None:
        return kept
    if voice.prosody_site is None:
        raise ValueError("this voice has no prosody site to keep of a recording; use a speaker")
    kept["vector"] = tuple(round(float(v), 5) for v in style.values[voice.prosody_site])
    return kept


def _is_name(text: str) -> bool:
    """A letter, then letters with their marks (many scripts write vowels so), digits, - and _."""
    kinds = [unicodedata.category(character)[0] for character in text]
    word = (kind in "LMN" or character in "-_" for character, kind in zip(text, kinds, strict=True))
    return kinds[:1] == ["L"] and all(word)


def checked_name(styles: Mapping[str, Any], name: str) -> str:
    """A name as it is stored.

    Raises:
        ValueError: if it is no name, or a word of ``voice.style``.
    """
    name = unicodedata.normalize("NFC", name.strip())
    if not _is_name(name) or len(name) > LONGEST_NAME:
        raise ValueError(
            f"a style's name has up to {LONGEST_NAME} letters, digits, - and _, a letter first; "
            f"got {name[:60]!r}"
        )
    if name.lower() in _RESERVED:
        raise ValueError(f"{name!r} is a word that chooses a style; give the style another name")
    return name


def _check_fit(styles: Mapping[str, Any], words: Mapping[str, Any], what: str) -> None:
    """Find out from styles.json alone that a style is of another voice, as far as it tells."""
    sites = styles.get("sites", {})
    others = [name for name in sites if name != "speaker"]
    site = "prosody" if "prosody" in others else (others[0] if others else None)
    about = sites.get(site, {})
    width, components = len(about.get("default") or ()), len(about.get("usage") or ())
    vector, component = words.get("vector"), words.get("component")
    if vector is not None and width and len(vector) != width:
        raise ValueError(
            f"{what} is of another voice: it has a vector of {len(vector)} numbers and site {site} "
            f"here takes {width}; save it again with this voice"
        )
    if component is not None and components and not 0 <= component < components:
        raise ValueError(
            f"{what} is of another voice: it has component {component} and there are 0 to "
            f"{components - 1} here; choose one of those"
        )


def _texts(styles: Mapping[str, Any], key: str) -> dict[str, str]:
    """An entry of styles.json that maps texts to texts."""
    entry = styles.get(key, {})
    texts = isinstance(entry, Mapping) and all(isinstance(v, str) for v in entry.values())
    if not texts or (key == COMPONENT_NAMES and not all(k.isdecimal() for k in entry)):
        kind = "numbers of components to names" if key == COMPONENT_NAMES else "names to recipes"
        raise ValueError(f"styles.json: {key!r} must map {kind}; correct it or take it out")
    return dict(entry)
