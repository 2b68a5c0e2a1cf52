"""Many texts through one voice: texts of similar length together, each as it would be alone."""

from collections.abc import Callable, Iterator, Sequence

from tts_vae.synthesis.sentence_speaker import Sentence, SentenceSpeaker
from tts_vae.synthesis.speech import Speech, concatenate
from tts_vae.synthesis.style import Style

BATCH_SIZE = 4
"""Sentences in one pass of the decoder; on a CPU more gain nothing and pad more."""


def styles_of_each(
    texts: Sequence[str],
    styles: Style | Sequence[Style | None] | None,
    usual: Callable[[], Style],
) -> list[Style]:
    """A style for every text: one for all, or each its own; the usual one where None.

    Raises:
        ValueError: if there are texts without a style, or one string in place of texts.
    """
    if isinstance(texts, str):
        raise ValueError("texts must be a list of strings, got one string; use speak for one")
    each = [styles] * len(texts) if styles is None or isinstance(styles, Style) else styles
    if len(each) != len(texts):
        raise ValueError(
            f"expected a style for each of {len(texts)} texts, got {len(each)}; give one style "
            "for all, or None for the usual one"
        )
    default = usual()
    return [default if style is None else style for style in each]


def speak_each(
    phonemize: Callable[[str], Sequence[Sequence[str]]],
    speaker: SentenceSpeaker,
    texts: Sequence[str],
    styles: Sequence[Style],
    batch_size: int,
    seed: int,
) -> Iterator[tuple[int, Speech | ValueError]]:
    """Speak texts, the shortest first.

    Args:
        phonemize: a text -> the tokens of its sentences.
        speaker: says them.
        texts: what to say.
        styles: one for each text.
        batch_size: texts held at a time, and the most sentences in a pass of the decoder.
        seed: of every text.

    Returns:
        An iterator over (position of a text, its speech or the reason why it cannot be spoken).

    Raises:
        ValueError: at the call, if there is no batch.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be 1 or more, got {batch_size}")
    return _each(phonemize, speaker, texts, styles, batch_size, seed)


def _each(
    phonemize: Callable[[str], Sequence[Sequence[str]]],
    speaker: SentenceSpeaker,
    texts: Sequence[str],
    styles: Sequence[Style],
    batch_size: int,
    seed: int,
) -> Iterator[tuple[int, Speech | ValueError]]:
    order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
    for start in range(0, len(order), batch_size):
        laid: dict[int, list[Sentence]] = {}
        for position in order[start : start + batch_size]:
            try:
                sentences = phonemize(texts[position])
                laid[position] = speaker.lay_out(sentences, styles[position], seed)
            except ValueError as error:
                yield position, error
        yield from _say(speaker, laid, batch_size)


def _say(
    speaker: SentenceSpeaker, laid: dict[int, list[Sentence]], batch_size: int
) -> Iterator[tuple[int, Speech | ValueError]]:
    """Say some texts whole; their sentences are sorted anew, since texts are long and short."""
    places = [(position, number) for position in laid for number in range(len(laid[position]))]
    places.sort(key=lambda place: len(laid[place[0]][place[1]].phones))
    said: dict[tuple[int, int], Speech | ValueError] = {}
    for start in range(0, len(places), batch_size):
        batch = places[start : start + batch_size]
        spoken = speaker.say_together([laid[position][number] for position, number in batch])
        said.update(zip(batch, spoken, strict=True))
    for position, sentences in laid.items():
        parts = [said[position, number] for number in range(len(sentences))]
        errors = [part for part in parts if isinstance(part, ValueError)]
        speech = [part for part in parts if isinstance(part, Speech)]
        yield position, errors[0] if errors else concatenate(speech)
