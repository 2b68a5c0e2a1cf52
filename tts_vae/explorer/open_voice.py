"""Voices of the page: loaded on first use, shared by all tabs, never changed by any."""

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.explorer.choice import Choice
from tts_vae.explorer.dimensions import Dimension, card_names, dimensions
from tts_vae.explorer.latent_map import LatentMap
from tts_vae.explorer.limits import LONGEST_SOUND_S, is_ssml
from tts_vae.explorer.measuring import Heard, judge_for, listen
from tts_vae.explorer.points import points_of
from tts_vae.explorer.recipe_lines import Between, Request
from tts_vae.synthesis.named_styles import component_names, named_styles
from tts_vae.synthesis.paths import path_between
from tts_vae.synthesis.speech import Speech, concatenate
from tts_vae.synthesis.ssml_speaking import stream_ssml
from tts_vae.synthesis.style import SPEAKER, Style
from tts_vae.synthesis.voice import Voice
from tts_vae.synthesis.voice_folders import describe_voice, find_voice, shipped_voices

_REMEMBERED = 32  # sounds at rest that need not be measured again


@dataclass(eq=False)
class OpenVoice:
    """A voice and what the page needs of it.

    Attributes:
        name: what it is called on the command line.
        folder: where it is.
        voice: the voice.
    """

    name: str
    folder: Path
    voice: Voice
    _rest: "OrderedDict[tuple[object, ...], Heard]" = field(default_factory=OrderedDict)

    @cached_property
    def judge(self) -> Judge | None:
        """Who tells its rate."""
        bundle = self.voice.bundle
        corpus = str(bundle.metadata.get("corpus") or "")
        return judge_for(bundle.front_end, corpus, bundle.symbols)

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """Its prosody's dimensions, in the order of the sliders."""
        return dimensions(self.voice.bundle, self.voice.prosody_site)

    @cached_property
    def map(self) -> LatentMap | None:
        """Its latent map; None if there is nothing to show."""
        points = points_of(self.voice)
        if points is None:
            return None
        return LatentMap(self.voice, points, self._component_names)

    @property
    def speakers(self) -> tuple[str, ...]:
        """Speakers that can be asked for; none if the voice has no choice."""
        has_site = SPEAKER in self.voice.bundle.model.sites
        return self.voice.speakers if has_site or len(self.voice.speakers) == 1 else ()

    @property
    def _component_names(self) -> dict[int, str]:
        """Component -> the name it was given, else what its card says of it."""
        bundle, site = self.voice.bundle, self.voice.prosody_site
        cards = card_names(bundle, "component", site) if site is not None else {}
        return {**cards, **component_names(bundle.styles)}

    @property
    def components(self) -> dict[int, str]:
        """Component -> its label."""
        names = self._component_names
        return {
            k: f"component {k}" + (f": {names[k]}" if k in names else "")
            for k in range(self.voice.components)
        }

    @property
    def saved(self) -> dict[str, str]:
        """Name -> recipe of the styles saved with the voice, components left out."""
        taken = set(component_names(self.voice.bundle.styles).values())
        styles = named_styles(self.voice.bundle)
        return {name: recipe for name, recipe in styles.items() if name not in taken}

    def style(self, style: Choice | Between) -> Style:
        """The style that was chosen.

        Raises:
            ValueError: if the voice cannot make it.
        """
        if isinstance(style, Choice):
            return style.style(self.voice)
        ends = style.a.style(self.voice), style.b.style(self.voice)
        return path_between(self.voice, *ends, style.kind)(style.step / (style.steps - 1))

    def speak(self, request: Request) -> Speech:
        """The sound that was asked for, bit for bit that of its command line.

        Raises:
            ValueError: if the text or the style cannot be spoken.
        """
        style = self.style(request.style)
        if is_ssml(request.text):  # what a stranger writes here reads no file
            sentences = stream_ssml(self.voice, request.text, style, request.seed, references=None)
        else:
            sentences = self.voice.stream(request.text, style, request.seed)
        said, seconds = [], 0.0
        for sentence in sentences:
            said.append(sentence)
            seconds += sentence.duration_s
            if seconds > LONGEST_SOUND_S:
                raise ValueError(
                    f"This would last more than {LONGEST_SOUND_S:g} s: shorten the text, its "
                    "pauses, or speak faster."
                )
        return concatenate(said)

    def at_rest(self, request: Request) -> Heard:
        """What is heard of the same request with every control at rest.

        Raises:
            ValueError: if it cannot be spoken.
        """
        style = request.style
        if isinstance(style, Between):
            rest: Choice | Between = Between(
                style.a.at_rest(), style.b.at_rest(), style.step, style.steps, style.kind
            )
        else:
            rest = style.at_rest()
        place = self.style(rest)
        values = tuple(value.numpy().tobytes() for value in place.values.values())
        key = (request.text, request.seed, *values, *map(str, place.controls.values()))
        if key in self._rest:
            self._rest.move_to_end(key)
            return self._rest[key]
        asked = Request(request.voice, request.text, rest, request.seed)
        heard = listen(self.speak(asked), self.judge)
        self._rest[key] = heard
        if len(self._rest) > _REMEMBERED:
            self._rest.popitem(last=False)
        return heard


class Voices:
    """The voices that the page offers.

    Args:
        first: name or folder of the one to begin with; None for the shipped default.
        vocoder: for all of them, as on the command line; None for each one's own.
        threads: CPU threads; None leaves the setting of the process.

    Raises:
        ValueError: if the first cannot be loaded.
    """

    def __init__(
        self,
        first: str | Path | None = None,
        vocoder: str | None = None,
        threads: int | None = None,
    ) -> None:
        self.vocoder = vocoder
        self.threads = threads
        shipped = shipped_voices()
        folder = find_voice(first)
        known = {path.resolve(): name for name, path in shipped.items()}
        self.first = known.get(folder.resolve(), str(folder))
        self._folders = {self.first: folder, **shipped}
        self._open: dict[str, OpenVoice] = {}
        self.open(self.first)

    @property
    def names(self) -> tuple[str, ...]:
        """Names, the first one first."""
        return tuple(self._folders)

    @property
    def widest(self) -> int:
        """Most dimensions that a prosody of these voices has."""
        return max(len(self.open(name).dimensions) for name in self.names)

    def title(self, name: str) -> str:
        """A name with what was learnt from, for a list."""
        corpus = describe_voice(self._folders[name]).corpus
        return f"{name} ({corpus})" if corpus and corpus not in name else name

    def open(self, name: str) -> OpenVoice:
        """A voice by its name.

        Raises:
            ValueError: if it is not one of :attr:`names`, or not readable.
        """
        if name not in self._folders:
            raise ValueError(f"unknown voice {name!r}; this page has {', '.join(self.names)}")
        if name not in self._open:
            folder = self._folders[name]
            loaded = Voice.load(folder, vocoder=self.vocoder, threads=self.threads)
            self._open[name] = OpenVoice(name, folder, loaded)
        return self._open[name]
