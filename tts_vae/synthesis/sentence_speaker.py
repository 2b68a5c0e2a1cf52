"""Sentences of tokens -> speech: the decoder on several at once, the vocoder on one after another.

A sentence says the same alone and among others: the decoder masks what pads it, and what is left
is float32's rounding (7e-5 nepers of a mel at most, measured on 240 sentences, all durations the
same). The vocoder is the larger part of the work and gains nothing from a batch on a CPU.
"""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tts_vae.models.speech.contract import Generated
from tts_vae.synthesis.bundle import VoiceBundle
from tts_vae.synthesis.controls import Control, batched, same, sounding, stretch_of_phones
from tts_vae.synthesis.speech import Floats, Speech
from tts_vae.synthesis.style import Style
from tts_vae.synthesis.told_pitch import spoken_f0, tells_pitch
from tts_vae.synthesis.vocoders import MelsToWaveform, SeededGriffinLim
from tts_vae.text.symbols import SymbolTable

SENTENCE_PAUSE_S = 0.3
"""Shortest pause between two sentences of one text."""

PEAK = 0.99
"""Magnitude above which a waveform is turned down, so that it does not clip."""


@dataclass(frozen=True, eq=False)
class Sentence:
    """One sentence and how to say it.

    Attributes:
        phones: its tokens.
        style: values and controls for all of it, or for each of its phones.
        seed: of everything random.
        followed: whether another sentence of the same text comes after it.
    """

    phones: tuple[str, ...]
    style: Style
    seed: int
    followed: bool


class SentenceSpeaker:
    """Says sentences with one voice.

    Args:
        bundle: what the voice folder holds.
        symbols: its symbol table.
        vocoder: mels (1, frames, n_mels) -> waveform (1, samples); Griffin-Lim if None.
    """

    def __init__(
        self, bundle: VoiceBundle, symbols: SymbolTable, vocoder: MelsToWaveform | None = None
    ) -> None:
        decoder: Any = bundle.model.decoder
        self._decoder = decoder
        self._draws = "seed" in inspect.signature(decoder.generate).parameters
        self._widths = {site: latent.width for site, latent in bundle.model.sites.items()}
        self._mel = bundle.mel
        self._symbols = symbols
        self._vocoder = vocoder
        self._griffin_lim = SeededGriffinLim(bundle.mel)
        self._tells_pitch = tells_pitch(decoder, vocoder)

    def lay_out(
        self, sentences: Sequence[Sequence[str]], style: Style, seed: int
    ) -> list[Sentence]:
        """The sentences of one text: each takes its own part of a style with numbers per phone.

        Raises:
            ValueError: if the style does not fit the voice or the text, or the seed is no seed.
        """
        if not 0 <= seed < 2**62:
            raise ValueError(f"seed must be a whole number from 0 to 2^62, got {seed}")
        self._check_style(style, sum(map(len, sentences)))
        laid: list[Sentence] = []
        start = 0
        for number, phones in enumerate(sentences):
            stop = start + len(phones)
            followed = number < len(sentences) - 1
            own = style.part(start, stop)
            laid.append(Sentence(tuple(phones), own, seed + number, followed))
            start = stop
        return laid

    def stream(
        self, sentences: Iterator[tuple[str, ...]], count: int, style: Style, seed: int
    ) -> Iterator[Speech]:
        """Say the sentences of one text as their tokens come.

        Args:
            sentences: tokens of each; the first is asked for at the call, the others when it is
                their turn.
            count: how many there are, at least one.
            style: without numbers per phone.
            seed: of everything random.

        Raises:
            ValueError: at the call, if the style does not fit or the first sentence is none.
        """

        def later() -> Iterator[Speech]:
            yield self.say(first)
            for number, phones in enumerate(sentences, start=1):
                yield self.say(laid(phones, number))

        def laid(phones: tuple[str, ...], number: int) -> Sentence:
            (alone,) = self.lay_out([phones], style, seed + number)
            return replace(alone, followed=number < count - 1)

        first = laid(next(sentences), 0)
        return later()

    def say(self, sentence: Sentence) -> Speech:
        """Say one sentence.

        Raises:
            ValueError: if its style drives the voice to mels that are not finite.
        """
        (said,) = self.say_together([sentence])
        if isinstance(said, ValueError):
            raise said
        return said

    def say_together(self, batch: Sequence[Sentence]) -> list[Speech | ValueError]:
        """Say several sentences of similar length in one pass of the decoder.

        A decoder that draws random numbers says them one after another: what it draws for a
        sentence would depend on its neighbours.

        Returns:
            What came of each, in order: speech, or the reason why there is none.
        """
        groups = [[sentence] for sentence in batch] if self._draws else [list(batch)]
        said: list[Speech | ValueError] = []
        for group in groups:
            try:
                said += self._say_group(group)
            except ValueError as error:  # a control that this decoder does not have
                said += [error] * len(group)
        return said

    @torch.inference_mode()
    def _say_group(self, batch: Sequence[Sentence]) -> list[Speech | ValueError]:
        tokens, mask = self._padded(batch)
        drawn = {"seed": batch[0].seed} if self._draws else {}
        with _seeded(batch[0].seed):
            made: Generated = self._decoder.generate(
                tokens,
                mask,
                _together(batch),
                **_controls(batch, mask),
                **drawn,
            )
        return [self._finish(made, row, sentence) for row, sentence in enumerate(batch)]

    def _finish(self, made: Generated, row: int, sentence: Sentence) -> Speech | ValueError:
        """One row of what the decoder made, through the vocoder."""
        phones, frames = len(sentence.phones), int(made.mel_mask[row].sum())
        mels = made.mels[row : row + 1, :frames].float()
        if not bool(mels.isfinite().all()):
            return ValueError(
                f"the style ({sentence.style}) drives this voice to mels that are not finite; "
                "choose a value nearer to those of its components or references"
            )
        durations, pitch_st = made.durations[row, :phones], made.pitch_st[row, :phones].float()
        told = {}
        if self._tells_pitch:
            told = {"f0_hz": spoken_f0(durations.unsqueeze(0), pitch_st.unsqueeze(0), frames)}
        waveform, gain_db = _without_clipping(self._vocode(mels, sentence.seed, **told))
        speech = Speech(
            waveform=waveform,
            sample_rate=self._mel.sample_rate,
            mels=mels[0].numpy().copy(),
            phones=sentence.phones,
            durations=durations.numpy().copy(),
            pitch_st=pitch_st.numpy().copy(),
            hop_length=self._mel.hop_length,
            gain_db=gain_db,
        )
        if not sentence.followed:
            return speech
        pause = sentence.style.pause
        factor = float(pause[-1]) if isinstance(pause, Tensor) else pause
        return speech.with_pause(SENTENCE_PAUSE_S * factor, float(np.log(self._mel.floor)))

    def waveform(self, mels: Tensor, seed: int) -> tuple[Floats, float]:
        """Mels (1, frames, n_mels) -> (frames * hop,) samples, and the dB they were turned down."""
        return _without_clipping(self._vocode(mels, seed))

    def _vocode(self, mels: Tensor, seed: int, **told: Tensor) -> Floats:
        """Mels (1, frames, n_mels) -> (frames * hop,) samples of the vocoder."""
        with _seeded(seed):
            if self._vocoder is None:
                made = self._griffin_lim(mels, seed)
            else:
                made = self._vocoder(mels, **told)
        samples = mels.shape[1] * self._mel.hop_length
        waveform = made[0].float().numpy()[:samples]
        return np.pad(waveform, (0, samples - len(waveform)))

    def _check_style(self, style: Style, phones: int) -> None:
        theirs = {site: value.shape[-1] for site, value in style.values.items()}
        if self._widths != theirs:
            raise ValueError(
                f"the style belongs to another voice: its sites and widths are {theirs}, this "
                f"voice's are {self._widths}; make it with this voice's style()"
            )
        if style.phones not in (None, phones):
            raise ValueError(
                f"the style has numbers for {style.phones} phones and the text has {phones}; give "
                "one for each phone of phonemize(text), or one for all"
            )

    def _padded(self, batch: Sequence[Sentence]) -> tuple[Tensor, Tensor]:
        """Tokens (batch, phones) int64 filled up with padding, and where they are real."""
        longest = max(len(sentence.phones) for sentence in batch)
        tokens = torch.zeros(len(batch), longest, dtype=torch.long)
        mask = torch.zeros(len(batch), longest, dtype=torch.bool)
        for row, sentence in enumerate(batch):
            phones = len(sentence.phones)
            tokens[row, :phones] = torch.tensor(self._symbols.encode(sentence.phones))
            mask[row, :phones] = True
        return tokens, mask


def _without_clipping(waveform: Floats) -> tuple[Floats, float]:
    """The waveform (samples,), turned down if it would clip, and by how many dB."""
    peak = float(np.abs(waveform).max(initial=0.0))
    if peak <= PEAK:
        return waveform.copy(), 0.0
    return waveform * np.float32(PEAK / peak), float(20 * np.log10(PEAK / peak))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Any decoder and vocoder repeats itself, and none disturbs the numbers that others draw.

    Not ``torch.manual_seed``: on a machine whose GPU nobody has used yet it keeps the seed and the
    stack of its caller for every device, 2 ms and some memory for each sentence.
    """
    state = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(state)


def _together(batch: Sequence[Sentence]) -> dict[str, Tensor]:
    """Site -> (batch, width), or (batch, phones, width) if one of them differs from phone to phone.

    What lies past the end of a sentence is zero and never heard.
    """
    longest = max(len(sentence.phones) for sentence in batch)
    together = {}
    for site in batch[0].style.values:
        values = [sentence.style.values[site] for sentence in batch]
        if any(value.dim() == 2 for value in values):
            filled = torch.zeros(len(batch), longest, values[0].shape[-1])
            for row, value in enumerate(values):
                filled[row, : len(batch[row].phones)] = value
            together[site] = filled
        else:
            together[site] = torch.stack(values)
    return together


def _controls(batch: Sequence[Sentence], mask: Tensor) -> dict[str, Control]:
    """The controls as decoders take them; what not every decoder has, only where it is asked for.

    A sentence of numbers for each phone is among others as it is alone: padding changes nothing.
    """
    asked = {name: [s.style.controls[name] for s in batch] for name in Style.CONTROLS}
    together = {name: batched(name, controls, mask) for name, controls in asked.items()}
    given = {
        "pitch_shift_st": together["pitch_st"],
        "rate": together["rate"],
        "energy_shift_db": together["energy_db"],
    }
    if not same(together["pitch_range"], 1.0):
        heard = torch.zeros_like(mask)
        for row, sentence in enumerate(batch):
            heard[row, : len(sentence.phones)] = sounding(sentence.phones)
        given |= {"pitch_range": together["pitch_range"], "sounding": heard}
    if not same(together["pause"], 1.0):
        stretches: list[Control] = [
            stretch_of_phones(s.phones, pause)
            for s, pause in zip(batch, asked["pause"], strict=True)
        ]
        given["stretch"] = batched("pause", stretches, mask)
    return given
