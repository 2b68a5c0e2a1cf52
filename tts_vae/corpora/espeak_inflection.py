"""The few inflections that the espeak corpus's grammar needs: plurals, verb forms, articles."""

from __future__ import annotations

_PLURALS = {
    "child": "children", "deer": "deer", "goose": "geese", "mouse": "mice", "moose": "moose",
    "sheep": "sheep", "salmon": "salmon", "calf": "calves", "wolf": "wolves", "leaf": "leaves",
    "knife": "knives", "shelf": "shelves", "thief": "thieves", "scarf": "scarves", "ox": "oxen",
}  # fmt: skip
_DOUBLED = frozenset("drop drag grab hug rob trap wrap nod".split())
_VOWEL_SOUND = ("hour", "honest", "heir")
_CONSONANT_SOUND = ("uni", "use", "usu", "europ", "one-", "ukulele")


def plural(noun: str) -> str:
    """The plural of a noun."""
    if noun in _PLURALS:
        return _PLURALS[noun]
    if noun.endswith("man") and noun not in ("human", "german"):
        return noun[:-3] + "men"
    return _with_s(noun)


def third_person(verb: str) -> str:
    """The form after "she": goes, carries, sees."""
    return _with_s(verb)


def past(verb: str) -> str:
    """The past of "base" or "base/past"."""
    base, _, irregular = verb.partition("/")
    if irregular:
        return irregular
    if base.endswith("e"):
        return base + "d"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ied"
    return base + (base[-1] if base in _DOUBLED else "") + "ed"


def article(word: str) -> str:
    """The article of `word`, by its sound: an hour, a uniform."""
    if word.startswith(_VOWEL_SOUND):
        return "an"
    return "an" if word[0] in "aeiou" and not word.startswith(_CONSONANT_SOUND) else "a"


def _with_s(word: str) -> str:
    if word == "scissors":
        return word
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    hissing = word.endswith(("s", "x", "z", "ch", "sh")) and word != "loch"
    after_o = word.endswith("o") and not word.endswith(("io", "no", "oo"))
    return word + ("es" if hissing or after_o else "s")
