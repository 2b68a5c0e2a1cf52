"""A grammar that makes English sentences of natural length, each once.

Statements, yes/no and wh questions, lists, numbers, exclamations, one to four words, and sentences
of two clauses joined by comma, semicolon, colon or dash. Words are dealt from shuffled decks, so
every word comes equally often and none is forgotten.

Law: the same generator state gives the same sentences; no sentence comes twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from . import espeak_words as words
from .espeak_inflection import article, past, plural, third_person

MAX_CHARS = 92
"""Characters; longer sentences are drawn again (about 6 s at a middling rate)."""

# kind of sentence -> share of the corpus
_SHARES = {
    "statement": 0.25, "motion": 0.11, "yes_no": 0.10, "wh": 0.10, "listing": 0.09, "numbers": 0.07,
    "exclamation": 0.06, "short": 0.07, "two_clauses": 0.15,
}  # fmt: skip


class Deck:
    """Deals its cards in shuffled rounds: after n rounds every card came exactly n times."""

    def __init__(self, cards: Sequence[str], generator: np.random.Generator) -> None:
        self._cards = list(cards)
        self._generator = generator
        self._left: list[str] = []

    def deal(self) -> str:
        """The next card."""
        if not self._left:
            order = self._generator.permutation(len(self._cards))
            self._left = [self._cards[number] for number in order]
        return self._left.pop()


def sentences(generator: np.random.Generator) -> Iterator[str]:
    """Sentences without end, none twice."""
    grammar = _Grammar(generator)
    kinds = list(_SHARES)
    shares = np.array([_SHARES[kind] for kind in kinds])
    shares = shares / shares.sum()
    seen: set[str] = set()
    while True:
        make: Callable[[], str] = getattr(grammar, kinds[generator.choice(len(kinds), p=shares)])
        sentence = make()
        sentence = sentence[0].upper() + sentence[1:]
        if len(sentence) <= MAX_CHARS and sentence not in seen:
            seen.add(sentence)
            yield sentence


class _Grammar:
    """One method per kind of sentence; noun phrases and clauses below them."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

        def deck(cards: Sequence[str]) -> Deck:
            return Deck(cards, generator)

        self._name, self._person = deck(words.NAMES), deck(words.PEOPLE)
        self._animal, self._thing = deck(words.ANIMALS), deck(words.THINGS)
        self._food, self._place, self._idea = (
            deck(words.FOODS), deck(words.PLACES), deck(words.IDEAS)
        )  # fmt: skip
        self._adjective, self._adverb = deck(words.ADJECTIVES), deck(words.ADVERBS)
        self._transitive, self._intransitive = deck(words.TRANSITIVE), deck(words.INTRANSITIVE)
        self._number, self._time = deck(words.NUMBERS), deck(words.TIMES)
        self._preposition, self._short = deck(words.PREPOSITIONS), deck(words.SHORT)
        self._exclaimed = deck(words.EXCLAIMED)

    def statement(self) -> str:
        return f"{self._clause()}{self._ending()}."

    def motion(self) -> str:
        subject = self._subject()
        verb = past(self._intransitive.deal())
        where = f"{self._preposition.deal()} {self._where()}"
        if self._chance(0.25):
            return f"{self._adverb.deal().capitalize()}, {subject} {verb} {where}."
        return f"{subject} {verb} {where}{self._ending()}."

    def yes_no(self) -> str:
        base = self._transitive.deal().split("/")[0]
        opening = self._one_of("Did", "Did", "Will", "Can", "Could", "Should", "Would", "Must")
        form = self._draw(4)
        if form == 0:
            return f"Is {self._subject()} {self._adjective.deal()}{self._ending()}?"
        if form == 1:
            return (
                f"Are the {plural(self._person.deal())} {self._preposition.deal()} {self._where()}?"
            )
        if form == 2:
            return f"{opening} {self._subject()} {base} {self._object()}, or {self._object()}?"
        return f"{opening} {self._subject()} {base} {self._object()}{self._ending()}?"

    def wh(self) -> str:
        base = self._transitive.deal()
        opening = self._one_of("Why", "When", "Where", "How")
        form = self._draw(6)
        if form == 0:
            return f"Who {past(base)} {self._object()}{self._ending()}?"
        if form == 1:
            return f"What is {self._preposition.deal()} {self._where()}?"
        if form == 2:
            return f"Which {self._thing.deal()} did {self._subject()} {base.split('/')[0]}?"
        if form == 3:
            return f"How many {plural(self._animal.deal())} are in {self._where()}?"
        if form == 4:
            return f"Whose {self._adjective.deal()} {self._thing.deal()} is this?"
        return f"{opening} did {self._subject()} {base.split('/')[0]} {self._object()}?"

    def listing(self) -> str:
        deck = self._one_of_decks(self._food, self._animal, self._thing)
        items = [deck.deal() for _ in range(3 + self._draw(2))]
        if deck is not self._food:
            items = [plural(item) for item in items]
        joined = f"{', '.join(items[:-1])} and {items[-1]}"
        opening = self._one_of("We need", "They sell", "I bought", "Please bring", "You will see")
        if self._chance(0.3):
            return f"There are three kinds: {joined}."
        return f"{opening} {joined}."

    def numbers(self) -> str:
        number = self._number.deal()
        form = self._draw(4)
        if form == 0:
            return (
                f"{self._subject()} counted {number} {plural(self._animal.deal())}{self._ending()}."
            )
        if form == 1:
            return f"The {self._thing.deal()} costs {number} dollars."
        if form == 2:
            return f"{self._name.deal()} is {number} years old, and {self._adjective.deal()}."
        return f"Only {number} {plural(self._person.deal())} came to {self._where()}."

    def exclamation(self) -> str:
        opening = self._exclaimed.deal()
        adjective = self._adjective.deal()
        noun = self._one_of_decks(self._thing, self._animal, self._place, self._idea).deal()
        if opening in ("What a", "Such a"):
            return f"{opening.split()[0]} {article(adjective)} {adjective} {noun}!"
        if self._chance(0.3):
            return f"Please, {self._name.deal()}, {self._transitive.deal().split('/')[0]} it!"
        return f"{opening} {adjective} {noun}!"

    def short(self) -> str:
        form = self._draw(6)
        if form < 2:
            return self._short.deal()
        if form == 2:
            return f"{self._adverb.deal().capitalize()}."
        if form == 3:
            return f"{self._adjective.deal()} {self._food.deal()}."
        if form == 4:
            verb = self._intransitive.deal().split("/")[0]
            return f"{self._name.deal()} {third_person(verb)}."
        return f"The {self._idea.deal()}{self._one_of('.', '?', '!')}"

    def two_clauses(self) -> str:
        first, second = self._brief_clause(), self._brief_clause()
        later = second
        form = self._draw(9)
        if form == 0:
            return f"{self._one_of('When', 'While', 'Before', 'After')} {first}, {later}."
        if form == 1:
            return f"{self._one_of('Although', 'If', 'Because', 'Since')} {first}, {later}."
        if form == 2:
            return f"{first}; {later}."
        if form == 3:
            return f"{self._name.deal()} has a {self._one_of('rule', 'secret', 'plan')}: {later}."
        if form == 4:
            return f"{first} — {self._adverb.deal()}."
        if form == 5:
            return f"{first}, {self._one_of('but', 'and', 'so', 'yet')} {later}."
        if form == 6:
            return f"{self._name.deal()}, the {self._adjective.deal()} {self._person.deal()}, " + (
                f"{past(self._transitive.deal())} {self._object()}."
            )
        if form == 7:
            return f"{first} because {later}."
        return f"{self._name.deal()} said that {later}."

    def _clause(self) -> str:
        subject = self._subject()
        if self._chance(0.3):
            base = self._transitive.deal().split("/")[0]
            return f"{self._name.deal()} {third_person(base)} {self._object()}"
        if self._chance(0.15):
            return f"{self._one_of('the', 'our')} {self._idea.deal()} was {self._adjective.deal()}"
        return f"{subject} {past(self._transitive.deal())} {self._object()}"

    def _brief_clause(self) -> str:
        subject = self._one_of_decks(self._name, self._name, self._person)
        who = subject.deal()
        who = who if subject is self._name else f"the {who}"
        if self._chance(0.4):
            verb = past(self._intransitive.deal())
            return f"{who} {verb} {self._preposition.deal()} {self._where()}"
        return f"{who} {past(self._transitive.deal())} the {self._thing.deal()}"

    def _subject(self) -> str:
        form = self._draw(6)
        if form == 0:
            return self._one_of("I", "we", "they", "he", "she", "you")
        if form == 1:
            return self._name.deal()
        if form == 2:
            return f"the {self._adjective.deal()} {self._person.deal()}"
        if form == 3:
            return f"the {self._animal.deal()}"
        return f"{self._one_of('the', 'my', 'our', 'her', 'his', 'that')} {self._person.deal()}"

    def _object(self) -> str:
        form = self._draw(8)
        if form == 0:
            return f"some {self._adjective.deal()} {self._food.deal()}"
        if form == 1:
            return f"the {self._idea.deal()}"
        if form == 2:
            return f"the {plural(self._animal.deal())}"
        if form == 3:
            adjective = self._adjective.deal()
            return f"{article(adjective)} {adjective} {self._thing.deal()}"
        if form == 4:
            return f"the {self._place.deal()}"
        if form == 5:
            return f"{self._one_of('my', 'your', 'our', 'their')} {self._food.deal()}"
        return f"{self._one_of('the', 'this', 'his', 'her')} {self._thing.deal()}"

    def _where(self) -> str:
        return f"{self._one_of('the', 'the', 'our', 'this')} {self._place.deal()}"

    def _ending(self) -> str:
        form = self._draw(5)
        if form == 0:
            return f" {self._time.deal()}"
        if form == 1:
            return f" {self._preposition.deal()} {self._where()}"
        if form == 2:
            return f" {self._adverb.deal()}"
        if form == 3:
            return f" {self._preposition.deal()} the {self._place.deal()} {self._time.deal()}"
        return ""

    def _draw(self, below: int) -> int:
        return int(self._generator.integers(below))

    def _chance(self, probability: float) -> bool:
        return bool(self._generator.random() < probability)

    def _one_of(self, *options: str) -> str:
        return options[self._draw(len(options))]

    def _one_of_decks(self, *decks: Deck) -> Deck:
        return decks[self._draw(len(decks))]
