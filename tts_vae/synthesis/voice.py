"""A voice: text and a style -> speech."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from tts_vae.models.speech.contract import Generated
from tts_vae.synthesis.bundle import VoiceBundle, load_voice
from tts_vae.synthesis.choosing import SiteChooser
from tts_vae.synthesis.reference import Recording, reference_mels
from tts_vae.synthesis.speech import Floats, Speech, concatenate
from tts_vae.synthesis.style import SPEAKER, Style
from tts_vae.synthesis.style_words import recipe

if TYPE_CHECKING:
    from tts_vae.audio.griffin_lim import Vocoder
    from tts_vae.text.phonemizer import Phonemizer

SENTENCE_PAUSE_S = 0.3
"""Shortest pause between two sentences of one text."""

PEAK = 0.99
"""Magnitude above which a waveform is turned down, so that it does not clip."""

Sentences = tuple[tuple[str, ...], ...]


class Voice:
    """Speaks text in a chosen style.

    Args:
        bundle: what the voice folder holds.
        vocoder: mels (batch, frames, n_mels) -> waveform (batch, samples); Griffin-Lim if None.
        threads: CPU threads of torch; None leaves the setting of the process.

    Raises:
        ValueError: if ``threads`` is not positive or the symbol table is malformed.
    """

    def __init__(
        self, bundle: VoiceBundle, vocoder: "Vocoder | None" = None, threads: int | None = None
    ) -> None:
        from tts_vae.text.symbols import SymbolTable

        if threads is not None:
            if threads < 1:
                raise ValueError(f"threads must be 1 or more, got {threads}")
            torch.set_num_threads(threads)
        self._bundle = bundle
        self._symbols = SymbolTable(bundle.symbols)
        self._sites = SiteChooser(bundle)
        self._vocoder = vocoder

    @classmethod
    def load(
        cls, path: str | Path, vocoder: "Vocoder | None" = None, threads: int | None = None
    ) -> "Voice":
        """Load a voice folder.

        Raises:
            ValueError: if there is no readable voice at ``path`` (voices nearby are listed).
        """
        return cls(load_voice(path), vocoder=vocoder, threads=threads)

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
    def sample_rate(self) -> int:
        """Samples per second of the waveforms."""
        return self._bundle.mel.sample_rate

    @cached_property
    def phonemizer(self) -> "Phonemizer":
        """The front end the voice was trained with."""
        from tts_vae.text.phonemizer import make_phonemizer

        return make_phonemizer(self._bundle.front_end)  # type: ignore[arg-type]

    @torch.no_grad()
    def style(
        self,
        *,
        speaker: str | None = None,
        reference: Recording | None = None,
        component: int | None = None,
        vector: Sequence[Any] | Tensor | None = None,
        prior: int | None = None,
        temperature: float = 1.0,
        pitch_st: float = 0.0,
        rate: float = 1.0,
        energy_db: float = 0.0,
    ) -> Style:
        """Choose a style. Without arguments: the first speaker in the usual style.

        Args:
            speaker: whose voice; a name of :attr:`speakers`.
            reference: a recording (path, or (samples, sample rate)) whose prosody to take, and
                whose speaker too unless ``speaker`` is given.
            component: a component of the prosody site, 0 to ``components - 1``.
            vector: a raw value of the prosody site, (width,) or (phones, width).
            prior: seed of a draw from the prior of the prosody site.
            temperature: factor of the prior's standard deviation.
            pitch_st: semitones up (or down).
            rate: factor of the speaking rate.
            energy_db: dB louder (or softer).

        Raises:
            ValueError: if a choice is unknown (the valid ones are listed), or more than one of
                reference, component, vector and prior is given.
        """
        ways = {"reference": reference, "component": component, "vector": vector, "prior": prior}
        given = [word for word, way in ways.items() if way is not None]
        if len(given) > 1:
            raise ValueError(
                f"choose one of {', '.join(ways)}; got {' and '.join(given)} "
                "(mix two styles to get something between them)"
            )
        if temperature != 1.0 and prior is None:
            raise ValueError("temperature scales a draw from the prior; give prior=SEED with it")
        sites = self._sites
        index = sites.speaker_index(speaker)
        model = self._bundle.model
        values = {
            site: sites.speaker(index) if site == SPEAKER else sites.default(site, index)
            for site in model.sites
        }
        if reference is not None:
            inferred = self._infer(reference, index)
            if speaker is not None:
                inferred.pop(SPEAKER, None)
            values.update(inferred)
        elif given and sites.prosody:
            values[sites.prosody] = (
                sites.component(component)
                if component is not None
                else sites.vector(vector)
                if vector is not None
                else sites.prior(prior, temperature, index)  # type: ignore[arg-type]
            )
        elif given:
            raise ValueError(f"this voice has no prosody site for {given[0]}; leave it out")
        if speaker is None and reference is None and SPEAKER in values and self.speakers:
            speaker = self.speakers[index]
        shown = {"speaker": speaker, **ways, "temperature": temperature}
        shown |= {"pitch_st": pitch_st, "rate": rate, "energy_db": energy_db}
        return Style(values, pitch_st, rate, energy_db, label=recipe(shown))

    def phonemize(self, text: str) -> Sentences:
        """The tokens of every sentence of a text.

        Raises:
            ValueError: if nothing in the text can be spoken, or the voice lacks one of its sounds.
        """
        from tts_vae.text.sentences import split_sentences

        if not isinstance(text, str):
            raise ValueError(f"text must be a string, got {type(text).__name__}")
        sentences = tuple(tuple(self.phonemizer(part)) for part in split_sentences(text))
        for sentence in sentences:
            self._symbols.encode(sentence)
        return sentences

    def speak(self, text: str, style: Style | None = None, seed: int = 0) -> Speech:
        """Speak a text of any length; sentences are spoken one by one and joined.

        Args:
            text: what to say.
            style: how; the usual style if None.
            seed: of everything random; the same seed gives the same waveform, bit for bit.

        Raises:
            ValueError: if the text holds nothing to speak, or the style is of another voice.
        """
        return concatenate(list(self.stream(text, style, seed)))

    def stream(self, text: str, style: Style | None = None, seed: int = 0) -> Iterator[Speech]:
        """Speak a text sentence by sentence, in memory that does not grow with its length.

        The sentences joined are what :meth:`speak` returns. Arguments and errors are checked at
        the call, before the first sentence.
        """
        return self.speak_phones(self.phonemize(text), style, seed)

    def speak_phones(
        self, sentences: Sequence[Sequence[str]], style: Style | None = None, seed: int = 0
    ) -> Iterator[Speech]:
        """Speak tokens, as :meth:`phonemize` returns them, one sentence at a time."""
        style = self.style() if style is None else style
        if not 0 <= seed < 2**62:
            raise ValueError(f"seed must be a whole number from 0 to 2^62, got {seed}")
        phones = [len(sentence) for sentence in sentences]
        self._check_style(style, sum(phones))
        return self._sentences(sentences, phones, style, seed)

    def _sentences(
        self, sentences: Sequence[Sequence[str]], phones: list[int], style: Style, seed: int
    ) -> Iterator[Speech]:
        start = 0
        for number, sentence in enumerate(sentences):
            stop = start + phones[number]
            values = {
                site: value.unsqueeze(0) if value.dim() == 1 else value[start:stop].unsqueeze(0)
                for site, value in style.values.items()
            }
            speech = self._say(sentence, values, style, seed + number)
            last = number == len(sentences) - 1
            floor = float(np.log(self._bundle.mel.floor))
            yield speech if last else speech.with_pause(SENTENCE_PAUSE_S, floor)
            start = stop

    @torch.inference_mode()
    def _say(
        self, sentence: Sequence[str], values: dict[str, Tensor], style: Style, seed: int
    ) -> Speech:
        """One sentence; ``values``: site -> (1, width) or (1, phones, width)."""
        tokens = torch.tensor([self._symbols.encode(sentence)])
        decoder: Any = self._bundle.model.decoder
        made: Generated = decoder.generate(
            tokens,
            torch.ones_like(tokens, dtype=torch.bool),
            values,
            pitch_shift_st=style.pitch_st,
            rate=style.rate,
            energy_shift_db=style.energy_db,
        )
        mels = made.mels.float()
        if not bool(mels.isfinite().all()):
            raise ValueError(
                f"the style ({style}) drives this voice to mels that are not finite; choose a "
                "value nearer to those of its components or references"
            )
        waveform, gain_db = self._waveform(mels, seed)
        return Speech(
            waveform=waveform,
            sample_rate=self.sample_rate,
            mels=mels[0].numpy().copy(),
            phones=tuple(sentence),
            durations=made.durations[0].numpy().copy(),
            pitch_st=made.pitch_st[0].float().numpy().copy(),
            hop_length=self._bundle.mel.hop_length,
            gain_db=gain_db,
        )

    def _waveform(self, mels: Tensor, seed: int) -> tuple[Floats, float]:
        """Mels (1, frames, n_mels) -> (frames * hop,) samples, and the dB they were turned down."""
        vocoder = self._vocoder
        if vocoder is None:
            from tts_vae.audio.griffin_lim import GriffinLim

            vocoder = GriffinLim(self._bundle.mel, seed=seed)
        with torch.random.fork_rng(devices=[]):  # any vocoder repeats itself, none disturbs others
            torch.manual_seed(seed)
            waveform = vocoder(mels)[0].float().numpy()
        samples = mels.shape[1] * self._bundle.mel.hop_length
        waveform = np.pad(waveform[:samples], (0, max(0, samples - len(waveform))))
        peak = float(np.abs(waveform).max(initial=0.0))
        if peak <= PEAK:
            return waveform.copy(), 0.0
        return waveform * np.float32(PEAK / peak), float(20 * np.log10(PEAK / peak))

    def _infer(self, reference: Recording, index: int) -> dict[str, Tensor]:
        """Posterior means of every site for a recording, (width,) each."""
        level_db = self._bundle.metadata.get("level_db")
        mels = reference_mels(reference, self._bundle.mel, level_db)
        mask = torch.ones(mels.shape[:2], dtype=torch.bool)
        conditions = self._sites.conditions(index)
        outputs = self._bundle.model.infer(mels, mask, conditions, mode="mean")
        return {site: output.z[0] for site, output in outputs.items()}

    def _check_style(self, style: Style, phones: int) -> None:
        mine = {site: latent.width for site, latent in self._bundle.model.sites.items()}
        theirs = {site: value.shape[-1] for site, value in style.values.items()}
        if mine != theirs:
            raise ValueError(
                f"the style belongs to another voice: its sites and widths are {theirs}, this "
                f"voice's are {mine}; make it with this voice's style()"
            )
        for site, value in style.values.items():
            if value.dim() == 2 and len(value) != phones:
                raise ValueError(
                    f"the style sets site {site} for {len(value)} phones and the text has "
                    f"{phones}; give one value for each phone of phonemize(text), or one for all"
                )
