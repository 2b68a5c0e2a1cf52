"""SSML on a voice: its spans become styles of phones, its breaks pauses of the asked length.

The style given with the document is the usual of SSML: its spans are relative to it. Whole
sentences are phonemized and spoken, and each token knows its piece, so a span changes phones in
running speech and cuts nothing out of it.

What needs the voice's usual pitch or length (Hz, a range in semitones, ``duration``) is measured on
a neutral rendering: the same sentence by the decoder in the same style without prosody, its pitch
as the decoder predicts it. ``duration`` counts the sentences of a span and the pauses within them;
pauses between them and breaks come on top.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tts_vae.synthesis.controls import Control, is_pause
from tts_vae.synthesis.sentence_speaker import SentenceSpeaker
from tts_vae.synthesis.spans import along
from tts_vae.synthesis.speech import Speech
from tts_vae.synthesis.ssml_pauses import silenced, with_token_length
from tts_vae.synthesis.ssml_styles import Neutral, PieceStyles
from tts_vae.synthesis.style import Style
from tts_vae.text.ssml import parse_ssml
from tts_vae.text.ssml_document import SILENT_DB, Sentence
from tts_vae.text.ssml_phones import SpokenSentence, spoken_sentence
from tts_vae.text.symbols import SymbolTable

if TYPE_CHECKING:
    from tts_vae.synthesis.voice import Voice


def stream_ssml(
    voice: "Voice",
    ssml: str,
    style: Style | None = None,
    seed: int = 0,
    references: str | Path | None = ".",
) -> Iterator[Speech]:
    """Speak a document sentence by sentence; joined, they are what ``voice.speak_ssml`` returns.

    Args:
        voice: who speaks.
        ssml: ``<speak>...</speak>``.
        style: what the document calls default; the usual style if None.
        seed: of everything random.
        references: folder of the recordings that ``<style reference=...>`` may name; None if the
            document comes from a stranger and may read none.

    Returns:
        An iterator over the speech of each sentence, made when it is asked for.

    Raises:
        ValueError: at the call, if the document is malformed, asks for what the voice does not
            have, or its first sentence cannot be spoken; while iterating, if a later one cannot.
    """
    sentences = parse_ssml(ssml)
    style = voice.style() if style is None else style
    return SsmlSpeaker(voice, style, references).stream(sentences, seed)


class SsmlSpeaker:
    """Speaks the sentences of a document.

    Args:
        voice: who speaks.
        style: around the whole document.
        references: folder of the recordings that the document may name; None for none.

    Raises:
        ValueError: if the style has numbers for each phone.
    """

    def __init__(self, voice: "Voice", style: Style, references: str | Path | None = ".") -> None:
        self._speaker = voice.sentence_speaker
        self._styles = PieceStyles(voice, style, references)
        self._phonemizer = voice.phonemizer
        self._symbols = SymbolTable(voice.bundle.symbols)
        self._hop = voice.bundle.mel.hop_length
        self._floor = math.log(voice.bundle.mel.floor)
        self._mute = SentenceSpeaker(voice.bundle, self._symbols, self._no_sound)

    def stream(self, sentences: Sequence[Sentence], seed: int) -> Iterator[Speech]:
        """Say sentences one by one, each when it is asked for.

        Raises:
            ValueError: at the call, if a span asks for what the voice does not have or the first
                sentence cannot be spoken; while iterating, if a later one cannot.
        """
        for sentence in sentences:
            for piece in sentence.pieces:
                self._styles.neutral(piece)
        lengths_s = self._span_lengths(sentences)

        def speech(number: int) -> Speech:
            followed = number < len(sentences) - 1
            return self._say(sentences[number], seed + number, followed, lengths_s)

        def later() -> Iterator[Speech]:
            yield first
            for number in range(1, len(sentences)):
                yield speech(number)

        first = speech(0)
        return later()

    def _say(
        self, sentence: Sentence, seed: int, followed: bool, lengths_s: dict[int, float]
    ) -> Speech:
        spoken = spoken_sentence(sentence, self._phonemizer, self._symbols)
        pieces = sentence.pieces
        styles = []
        renderings: dict[Style, Callable[[], Neutral]] = {}
        for piece in pieces:
            duration = piece.prosody.duration
            length_s = None if duration is None else lengths_s[duration.span]
            usual = self._styles.neutral(piece)
            neutral = renderings.setdefault(usual, cache(self._neutral(spoken, usual)))
            styles.append(self._styles.style(piece, neutral, length_s))
        style = along(_runs(spoken, styles))
        (laid,) = self._speaker.lay_out([spoken.phones], style, seed)
        last = len(spoken.phones) - 1
        speech = self._speaker.say(replace(laid, followed=followed and last not in spoken.pauses))
        for number, piece in enumerate(pieces):
            if piece.prosody.volume_db == SILENT_DB and number in spoken.owners:
                first = spoken.owners.index(number)
                stop = first + spoken.owners.count(number)
                speech = silenced(speech, first, stop, self._floor)
        for token, seconds in self._pauses(spoken, styles, speech, seed).items():
            if seconds or token not in (0, last):
                speech = with_token_length(speech, token, seconds, self._floor)
        return speech

    def _pauses(
        self, spoken: SpokenSentence, styles: Sequence[Style], speech: Speech, seed: int
    ) -> dict[int, float]:
        """Token -> seconds, so that a break makes the sentence longer by what it asks for.

        A voice says the phones around a pause shorter or longer than in running speech, by up to
        50 ms where it was measured; the pause that a break puts between words makes that up.
        """
        pauses = dict(spoken.pauses)
        if not spoken.inserted:
            return pauses
        running = spoken.without_inserted()
        (laid,) = self._mute.lay_out([running.phones], along(_runs(running, styles)), seed)
        kept = [i for i in range(len(spoken.phones)) if i not in spoken.inserted]
        changes_s = self._mute.say(laid).durations_s - speech.durations_s[kept]
        changes_s[-1] = 0.0  # the pause before the next sentence
        for index, change_s in zip(kept, changes_s, strict=True):
            nearest = min(spoken.inserted, key=lambda token: abs(token - index))
            pauses[nearest] += float(change_s)
        return pauses

    def _span_lengths(self, sentences: Sequence[Sentence]) -> dict[int, float]:
        """Neutral seconds of every span whose duration is given."""
        lengths: dict[int, float] = {}
        for sentence in sentences:
            timed = [i for i, p in enumerate(sentence.pieces) if p.prosody.duration is not None]
            if not timed:
                continue
            spoken = spoken_sentence(sentence, self._phonemizer, self._symbols)
            for number in timed:
                piece = sentence.pieces[number]
                neutral = self._neutral(spoken, self._styles.neutral(piece))()
                own = [i for i, o in enumerate(spoken.owners) if o == number]
                seconds = sum(neutral.durations_s[i] for i in own if i not in spoken.pauses)
                assert piece.prosody.duration is not None
                span = piece.prosody.duration.span
                lengths[span] = lengths.get(span, 0.0) + float(seconds)
        return lengths

    def _neutral(self, spoken: SpokenSentence, style: Style) -> Callable[[], Neutral]:
        """The neutral rendering of a sentence, made when it is asked for."""

        def render() -> Neutral:
            (laid,) = self._mute.lay_out([spoken.phones], style, seed=0)
            speech = self._mute.say(laid)
            sounds = [i for i, phone in enumerate(spoken.phones) if not is_pause(phone)]
            pitch_st = np.repeat(speech.pitch_st[sounds], speech.durations[sounds])
            low, middle, high = np.percentile(pitch_st, [10, 50, 90])
            level_hz = 55.0 * 2 ** (float(middle) / 12)
            return Neutral(level_hz, max(float(high - low), 0.1), speech.durations_s)

        return render

    def _no_sound(self, mels: Tensor) -> Tensor:
        """A vocoder for renderings that only predict."""
        return torch.zeros(len(mels), mels.shape[1] * self._hop)


def _runs(spoken: SpokenSentence, styles: Sequence[Style]) -> list[tuple[Style, int]]:
    """Style after style, and how many tokens each lasts.

    A pause between two pieces takes the style of the first and the rate of the one that is nearer
    to the voice's usual, so that a slow span does not slow the pauses around it.
    """
    each = [styles[owner] for owner in spoken.owners]
    for token in range(1, len(each) - 1):
        after = spoken.owners[token + 1]
        if is_pause(spoken.phones[token]) and after != spoken.owners[token]:
            rates = (each[token].rate, styles[after].rate)
            rate = min(rates, key=_distance)
            if rate != each[token].rate:
                each[token] = each[token].with_controls(rate=rate)
    grouped = [list(run) for _, run in groupby(each, key=id)]
    return [(run[0], len(run)) for run in grouped]


def _distance(rate: Control) -> float:
    return abs(math.log(float(rate)))
