"""The sections of a voice's evaluation: name, title, and the function that measures each.

A section reads :class:`Material` and returns a dict for metrics.json. A section that a voice or a
corpus cannot have raises ValueError with the reason in one line.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from tts_vae.evaluation.controls.control import measure_controls
from tts_vae.evaluation.measures.diversity import voice_diversity
from tts_vae.evaluation.report import clips
from tts_vae.evaluation.voices.clusters import capacity, clusters
from tts_vae.evaluation.voices.factors import voice_disentanglement
from tts_vae.evaluation.voices.held_out import steps
from tts_vae.evaluation.voices.intelligibility import intelligibility
from tts_vae.evaluation.voices.interpolation import voice_interpolation
from tts_vae.evaluation.voices.material import Material
from tts_vae.evaluation.voices.noisy_speakers import voice_noise
from tts_vae.evaluation.voices.pitch import compare_melodies
from tts_vae.evaluation.voices.speaker_swap import swap_held_out
from tts_vae.evaluation.voices.speakers import voice_speakers
from tts_vae.evaluation.voices.speed import speed
from tts_vae.evaluation.voices.style_effect import style_effect
from tts_vae.evaluation.voices.transfer import voice_transfer
from tts_vae.synthesis.style import SPEAKER

Result = dict[str, Any]


@dataclass(frozen=True)
class ReportSection:
    """One topic of a report.

    Attributes:
        title: its heading.
        about: what its figures say, in a sentence or two.
        measure: makes its figures; raises ValueError with the reason where it cannot.
        clips_in_a_row: example sounds that belong side by side.
    """

    title: str
    about: str
    measure: Callable[[Material], Result]
    clips_in_a_row: int = 4


def _intelligibility(material: Material) -> Result:
    found = intelligibility(material.voice, material.items, material.seed, material.copies)
    return found | {"clips": clips.held_out_clips(material)}


def _pitch(material: Material) -> Result:
    return compare_melodies(material.items, material.copies, material.voice.sample_rate)


def _control(material: Material) -> Result:
    # never so few that a speaker is missing
    sentences = material.count(50, least=max(len(material.voice.speakers), 4))
    found = measure_controls(
        material.voice, material.corpus, sentences, seed=material.seed, progress=_progress
    )
    return found | {"clips": clips.control_clips(material)}


def _disentanglement(material: Material) -> Result:
    if not material.embedded:
        raise ValueError(
            f"the true factors of the corpus {material.corpus_notes.get('name')} are not known; "
            "only the embedded corpus (espeak) logs them"
        )
    recordings = material.count(1000, least=50)
    return _known(voice_disentanglement(material.voice, material.corpus, recordings, material.seed))


def _speakers(material: Material) -> Result:
    voice, count = material.voice, material.count(80, least=8)
    found = _known(voice_speakers(voice, material.corpus, count, material.seed))
    if SPEAKER in voice.bundle.model.sites and len(voice.speakers) > 1:
        found["swap"] = asdict(swap_held_out(voice, material.items, material.corpus, material.seed))
    return found | {"clips": clips.speaker_clips(material)}


def _diversity(material: Material) -> Result:
    texts = material.count(8, least=2)
    found = voice_diversity(
        material.voice, material.corpus, texts, material.seed, natural=material.natural
    )
    return found | {"clips": clips.prior_clips(material)}


def _interpolation(material: Material) -> Result:
    pairs = material.count(12, least=2)
    found = voice_interpolation(
        material.voice, material.corpus, pairs, material.seed, natural=material.natural
    )
    return found | {"clips": clips.interpolation_clips(material, found["items"])}


def _transfer(material: Material) -> Result:
    pairs = material.count(60, least=6)
    found = voice_transfer(
        material.voice, material.corpus, pairs, material.seed, natural=material.natural
    )
    return found | {"clips": clips.transfer_clips(material, found["parallel"]["items"])}


def _progress(items: Iterable[int], total: int, description: str) -> Iterable[int]:
    """A bar of known length, if somebody sees it."""
    return steps(list(items), description)


def _known(found: Result) -> Result:
    """The figures, unless they say that there are none.

    Raises:
        ValueError: with the reason.
    """
    if isinstance(found.get("undefined"), str):
        raise ValueError(found["undefined"])
    return found


def _choices(material: Material) -> Result:
    if "prosody" not in material.voice.bundle.model.sites:
        raise ValueError("this voice has no prosody site to choose a style in")
    texts = [item.text for item in material.recordings[: material.count(4, least=2)]]
    return {"texts": len(texts), "ways": style_effect(material.voice, texts, material.seed)}


def _clusters(material: Material) -> Result:
    found = clusters(material.posteriors, material.recordings, material.genders)
    return found | {"clips": clips.component_clips(material)}


def _capacity(material: Material) -> Result:
    requested = material.voice.bundle.metadata.get("capacity_nats")
    return capacity(material.posteriors, requested)


def _noise(material: Material) -> Result:
    if not material.embedded:
        raise ValueError("only the embedded corpus (espeak) can be prepared with speakers in noise")
    return voice_noise(material.voice, material.corpus, material.count(40, least=4), material.seed)


def _speed(material: Material) -> Result:
    return speed(material.voice, repeats=material.count(20, least=3))


SECTIONS: Mapping[str, ReportSection] = MappingProxyType(
    {
        "intelligibility": ReportSection(
            "Intelligibility",
            "Errors of a recogniser that never heard synthetic speech, on held-out texts spoken "
            "in the style of their own recordings; copy-synthesis is the recording through mels "
            "and vocoder alone.",
            _intelligibility,
            clips_in_a_row=3,
        ),
        "pitch": ReportSection(
            "Pitch, spectrum and length",
            "The held-out texts, spoken in the style of their own recordings, against those "
            "recordings: frames paired by dynamic time warping, 5 ms hop, F0 by Praat 60-500 Hz.",
            _pitch,
        ),
        "control": ReportSection(
            "Controls",
            "What was asked of each control and what was heard, as changes of the same sentence "
            "on held-out texts, speakers taking turns; and what else each control moved.",
            _control,
        ),
        "disentanglement": ReportSection(
            "Disentanglement",
            "Whether each dimension of a latent stands for one factor that the corpus truly "
            "varied; 1 is best. Only the embedded corpus knows its factors.",
            _disentanglement,
        ),
        "choices": ReportSection(
            "Choices of style",
            "What each way to choose a style changes: the spread over its values, same text.",
            _choices,
        ),
        "clusters": ReportSection(
            "Clusters",
            "Which components recordings fall into, and whether they agree with labels that "
            "training never saw.",
            _clusters,
            clips_in_a_row=5,
        ),
        "capacity": ReportSection(
            "Capacity",
            "How many nats each latent carries about a recording, beside what was asked of it.",
            _capacity,
        ),
        "speakers": ReportSection(
            "Speakers",
            "Whose voice a classifier of natural timbre hears, and the pitch level of each "
            "speaker under the prosody of others.",
            _speakers,
        ),
        "diversity": ReportSection(
            "Diversity",
            "Standard deviation over styles drawn from the prior, one text and speaker at a time, "
            "beside natural spread within a speaker.",
            _diversity,
        ),
        "interpolation": ReportSection(
            "Interpolation",
            "Attributes along equal steps between far styles: one direction (rank correlation 1) "
            "and evenly (largest jump 1 x the mean).",
            _interpolation,
            clips_in_a_row=5,
        ),
        "transfer": ReportSection(
            "Style transfer",
            "One speaker with the prosody of a recording of another: what arrives, relative to "
            "what is usual for each, for the reference's own text (parallel) and another.",
            _transfer,
        ),
        "noise": ReportSection(
            "Noisy speakers, spoken clean",
            "Speakers recorded only in noise, spoken with the component that other speakers fill "
            "with clean recordings: estimated signal-to-noise ratio (WADA).",
            _noise,
        ),
        "speed": ReportSection(
            "Speed",
            "Wall seconds for a second of audio, one text at a time, loading excluded.",
            _speed,
        ),
    }
)
"""Name, as ``--only`` and metrics.json have it -> section, in the order of the report."""
