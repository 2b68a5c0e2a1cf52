"""A voice: text and a style -> speech."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tts_vae.synthesis.bundle import VoiceBundle, load_voice
from tts_vae.synthesis.choosing import SiteChooser
from tts_vae.synthesis.controls import Control
from tts_vae.synthesis.many_texts import BATCH_SIZE, speak_each, styles_of_each
from tts_vae.synthesis.reference import Recording
from tts_vae.synthesis.sentence_speaker import SentenceSpeaker
from tts_vae.synthesis.speech import Floats, Speech, concatenate
from tts_vae.synthesis.style import Style
from tts_vae.synthesis.style_making import StyleMaker, StyleRequest
from tts_vae.synthesis.vocoders import MelsToWaveform, choose_vocoder
from tts_vae.synthesis.voice_folders import find_voice
from tts_vae.text.symbols import SymbolTable

if TYPE_CHECKING:
    from tts_vae.text.phonemizer import Phonemizer

Sentences = tuple[tuple[str, ...], ...]


class Voice:
    """Speaks text in a chosen style.

    Args:
        bundle: what the voice folder holds.
        vocoder: mels (1, frames, n_mels) -> waveform (1, samples); Griffin-Lim if None.
        threads: CPU threads of torch; None leaves the setting of the process.

    Raises:
        ValueError: if ``threads`` is not positive or the symbol table is malformed.
    """

    def __init__(
        self,
        bundle: VoiceBundle,
        vocoder: MelsToWaveform | None = None,
        threads: int | None = None,
    ) -> None:
        if threads is not None:
            if threads < 1:
                raise ValueError(f"threads must be 1 or more, got {threads}")
            torch.set_num_threads(threads)
        self._bundle = bundle
        self._symbols = SymbolTable(bundle.symbols)
        self._sites = SiteChooser(bundle)
        self._styles = StyleMaker(bundle, self._sites)
        self._vocoder = vocoder
        self._speaker = SentenceSpeaker(bundle, self._symbols, vocoder)

    @classmethod
    def load(
        cls,
        voice: str | Path | None = None,
        vocoder: MelsToWaveform | str | Path | None = None,
        threads: int | None = None,
    ) -> "Voice":
        """Load a voice.

        Args:
            voice: name of a shipped voice, or the folder of one; None for the shipped default.
            vocoder: "griffin-lim", the folder of a vocoder, or an object that turns mels into a
                waveform; None for the voice's own, Griffin-Lim if it has none.
            threads: CPU threads of torch; None leaves the setting of the process.

        Raises:
            ValueError: if there is no readable voice (those there are are listed) or vocoder.
        """
        folder = find_voice(voice)
        bundle = load_voice(folder)
        return cls(bundle, choose_vocoder(vocoder, folder, bundle.mel), threads)

    @property
    def bundle(self) -> VoiceBundle:
        """The parts: model, constants, symbols, styles, metadata."""
        return self._bundle

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names that ``style(speaker=...)`` knows."""
        return self._bundle.speakers

    @property
    def components(self) -> int:
        """Number of components that ``style(component=...)`` knows; 0 if none."""
        return self._sites.components

    @property
    def prosody_site(self) -> str | None:
        """Name of the site that component, vector and prior set; None if there is none."""
        return self._sites.prosody

    @property
    def sentence_speaker(self) -> SentenceSpeaker:
        """What turns tokens and a style into speech, one sentence at a time."""
        return self._speaker

    @property
    def vocoder(self) -> MelsToWaveform | None:
        """What turns mels into a waveform; None for Griffin-Lim."""
        return self._vocoder

    @property
    def sample_rate(self) -> int:
        """Samples per second of the waveforms."""
        return self._bundle.mel.sample_rate

    def vocode(self, mels: Tensor, seed: int = 0) -> Floats:
        """Turn given mels (1, frames, n_mels) into (frames * hop,) samples: copy-synthesis."""
        return self._speaker.waveform(mels, seed)[0]

    @cached_property
    def phonemizer(self) -> "Phonemizer":
        """The front end the voice was trained with."""
        from tts_vae.text.phonemizer import make_phonemizer

        return make_phonemizer(self._bundle.front_end)  # type: ignore[arg-type]

    def style(
        self,
        *,
        name: str | None = None,
        speaker: str | None = None,
        reference: Recording | None = None,
        component: int | None = None,
        vector: Sequence[Any] | Tensor | None = None,
        prior: int | None = None,
        temperature: float = 1.0,
        pitch_st: Control = 0.0,
        pitch_range: Control = 1.0,
        rate: Control = 1.0,
        energy_db: Control = 0.0,
        pause: Control = 1.0,
        route: str = "explicit",
        calibrated: bool = True,
    ) -> Style:
        """Choose a style. Without arguments: the first speaker in the usual style.

        Args:
            name: a style saved with the voice; what else is given replaces parts of it.
            speaker: whose voice; a name of :attr:`speakers`.
            reference: a recording (path, or (samples, sample rate)) whose prosody to take, and
                whose speaker too unless ``speaker`` is given.
            component: a component of the prosody site, 0 to ``components - 1``.
            vector: a raw value of the prosody site, (width,) or (phones, width).
            prior: seed of a draw from the prior of the prosody site.
            temperature: factor of the prior's standard deviation.
            pitch_st: semitones up (or down); this and every other control is one number, or one
                for each phone of the text, a tensor (phones,).
            pitch_range: factor of how far the pitch moves from the middle of its sentence.
            rate: factor of the speaking rate.
            energy_db: dB louder (or softer).
            pause: factor of the length of pauses, that between two sentences included.
            route: "explicit" shifts predicted contours, "latent" moves the prosody's z instead.
            calibrated: controls ask for what is heard, where the voice has a calibration.

        Raises:
            ValueError: if a choice is unknown (the valid ones are listed), more than one of
                reference, component, vector and prior is given, or a control is out of range.
        """
        words: dict[str, Any] = {"name": name, "speaker": speaker, "reference": reference}
        words |= {"component": component, "vector": vector, "prior": prior, "route": route}
        words |= {"temperature": temperature, "calibrated": calibrated, "pause": pause}
        words |= {"pitch_st": pitch_st, "pitch_range": pitch_range, "energy_db": energy_db}
        return self._styles.make(StyleRequest(**words, rate=rate))

    def phonemize(self, text: str) -> Sentences:
        """The tokens of every sentence of a text.

        Raises:
            ValueError: if nothing in the text can be spoken, or the voice lacks one of its sounds.
        """
        return tuple(self._phones(part) for part in _split(text))

    def _phones(self, sentence: str) -> tuple[str, ...]:
        phones = tuple(self.phonemizer(sentence))
        self._symbols.encode(phones)  # tells which of them the voice lacks
        return phones

    def speak(self, text: str, style: Style | None = None, seed: int = 0) -> Speech:
        """Speak a text of any length; sentences are spoken one by one and joined.

        Args:
            text: what to say.
            style: how; the usual style if None.
            seed: of everything random; the same seed gives the same waveform, bit for bit.

        Raises:
            ValueError: if the text holds nothing to speak, or the style is of another voice.
        """
        return concatenate(list(self.speak_phones(self.phonemize(text), style, seed)))

    def stream(self, text: str, style: Style | None = None, seed: int = 0) -> Iterator[Speech]:
        """Speak a text sentence by sentence, in memory that does not grow with its length.

        The first sentence can be heard while the next is made, and comes after the same time
        however long the text is. Each ends with the pause before the next, so the waveforms joined
        are sample for sample what :meth:`speak` returns.

        Args:
            text: what to say.
            style: how; the usual style if None. Numbers per phone count over the whole text.
            seed: of everything random.

        Returns:
            An iterator over one :class:`Speech` for each sentence, made when it is asked for.

        Raises:
            ValueError: at the call, if the text holds nothing to speak or the style is of another
                voice; while iterating, if a later sentence cannot be spoken.
        """
        style = self.style() if style is None else style
        if style.phones is not None:
            return self.speak_phones(self.phonemize(text), style, seed)
        parts = _split(text)
        return self._speaker.stream(map(self._phones, parts), len(parts), style, seed)

    def speak_ssml(self, ssml: str, style: Style | None = None, seed: int = 0) -> Speech:
        """Speak an SSML 1.1 document; :mod:`tts_vae.text.ssml` says what is followed.

        Args:
            ssml: ``<speak>...</speak>``.
            style: what the document calls default; its spans are relative to it.
            seed: of everything random.

        Raises:
            ValueError: if the document is malformed (line and column are told), or asks for what
                this voice does not have.
        """
        from tts_vae.synthesis.ssml_speaking import stream_ssml

        return concatenate(list(stream_ssml(self, ssml, style, seed)))

    def speak_phones(
        self, sentences: Sequence[Sequence[str]], style: Style | None = None, seed: int = 0
    ) -> Iterator[Speech]:
        """Speak tokens, as :meth:`phonemize` returns them, one sentence at a time."""
        style = self.style() if style is None else style
        laid = self._speaker.lay_out(sentences, style, seed)
        return map(self._speaker.say, laid)

    def speak_many(
        self,
        texts: Sequence[str],
        styles: Style | Sequence[Style | None] | None = None,
        batch_size: int = BATCH_SIZE,
        seed: int = 0,
    ) -> list[Speech]:
        """Speak texts, those of similar length together: each as :meth:`speak` says it alone.

        Args:
            texts: what to say.
            styles: one for all, or one for each text; the usual style where None.
            batch_size: sentences in one pass of the decoder.
            seed: of every text.

        Raises:
            ValueError: if a text cannot be spoken (its position is named), or there is not a style
                for each.
        """
        spoken: dict[int, Speech] = {}
        for position, speech in self.stream_many(texts, styles, batch_size, seed):
            if isinstance(speech, ValueError):
                raise ValueError(f"text {position}: {speech}") from speech
            spoken[position] = speech
        return [spoken[position] for position in range(len(spoken))]

    def stream_many(
        self,
        texts: Sequence[str],
        styles: Style | Sequence[Style | None] | None = None,
        batch_size: int = BATCH_SIZE,
        seed: int = 0,
    ) -> Iterator[tuple[int, Speech | ValueError]]:
        """Speak texts as :meth:`speak_many` does, a few of them in memory at a time.

        Returns:
            An iterator over (position in ``texts``, its speech), in the order they are made. A text
            that cannot be spoken has the reason in place of speech, and the rest goes on.

        Raises:
            ValueError: at the call, if there is not a style for each text, or no batch.
        """
        chosen = styles_of_each(texts, styles, self.style)
        return speak_each(self.phonemize, self._speaker, texts, chosen, batch_size, seed)


def _split(text: str) -> list[str]:
    from tts_vae.text.sentences import split_sentences

    if not isinstance(text, str):
        raise ValueError(f"text must be a string, got {type(text).__name__}")
    return split_sentences(text)
