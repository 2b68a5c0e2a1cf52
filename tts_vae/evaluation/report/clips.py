"""Example sounds of a report: what its figures are about, to be heard."""

from collections.abc import Mapping, Sequence
from typing import Any

from tts_vae.evaluation.controls.control_sweep import asking
from tts_vae.evaluation.pages.listening import LEAST_USAGE
from tts_vae.evaluation.voices.material import Material
from tts_vae.synthesis.calibration import shown
from tts_vae.synthesis.style import Style

Clips = list[dict[str, Any]]
_ENDS = ("start", "end")
_SHOWN = {
    "pitch_st": (-4.0, 4.0),
    "pitch_range": (0.5, 2.0),
    "rate": (0.7, 1.45),
    "energy_db": (-6.0, 6.0),
}
"""Control -> two settings to hear."""


def held_out_clips(material: Material) -> Clips:
    """Three held-out texts: the recording, its copy-synthesis, and the voice."""
    made: Clips = []
    for index in material.examples:
        item = material.items[index]
        for kind, title, waveform in (
            ("natural", "recording", item.natural),
            ("copy", "copy-synthesis", material.copies[index]),
            ("synthesis", "synthesis", item.synthesis),
        ):
            name = f"held-out-{item.id}-{kind}"
            made.append(material.clip(name, waveform, f"{item.speaker}, {title}", item.text))
    return made


def component_clips(material: Material) -> Clips:
    """One text in every component that training used."""
    voice = material.voice
    usage = voice.bundle.styles.get("sites", {}).get(voice.prosody_site or "", {}).get("usage", [])
    used = [k for k in range(voice.components) if k >= len(usage) or usage[k] >= LEAST_USAGE]
    return [
        spoken(material, f"component-{k}", f"component {k}", voice.style(component=k))
        for k in used[:10]
    ]


def control_clips(material: Material) -> Clips:
    """One text as it is, and with every control low and high."""
    voice = material.voice
    ask = asking(voice, route="explicit", calibrated=True)
    made: Clips = [spoken(material, "control-usual", "as it is", voice.style())]
    for control, ends in _SHOWN.items():
        for place, value in zip(("low", "high"), ends, strict=True):
            title = f"{control.removesuffix('_st').removesuffix('_db').replace('_', ' ')} "
            title += shown(control, value)
            try:
                style = ask(None, control, value)
                made.append(spoken(material, f"control-{control}-{place}", title, style))
            except ValueError:  # a decoder without this control
                break
    return made


def speaker_clips(material: Material) -> Clips:
    """One text by every speaker in the usual style, twelve at most."""
    voice = material.voice
    return [
        spoken(material, f"speaker-{name}", name, voice.style(speaker=name))
        for name in voice.speakers[:12]
    ]


def prior_clips(material: Material) -> Clips:
    """One text in styles drawn from the prior; none for a voice without one."""
    try:
        styles = [material.voice.style(prior=material.seed + i) for i in range(4)]
    except ValueError:
        return []
    return [
        spoken(material, f"prior-{number}", f"prior sample {number + 1}", style)
        for number, style in enumerate(styles)
    ]


def interpolation_clips(material: Material, pairs: Sequence[Mapping[str, Any]]) -> Clips:
    """Five points between the two styles of the first pair that was measured."""
    if not pairs:
        return []
    pair, voice = pairs[0], material.voice
    paths = {recording.id: recording.path for recording in material.recordings}
    ends = [voice.style(reference=paths[pair[e]], speaker=pair["speaker"]) for e in _ENDS]
    made: Clips = []
    for number in range(5):
        name, title = f"interpolation-{number}", f"step {number} of 4"
        style = ends[0].mix(ends[1], number / 4)
        made.append(spoken(material, name, title, style, pair["text"]))
        made[-1]["note"] = f"{pair['start']} to {pair['end']}"
    return made


def transfer_clips(material: Material, pairs: Sequence[Mapping[str, Any]]) -> Clips:
    """Three references, each followed by the other speaker in its style."""
    recordings = {recording.id: recording for recording in material.recordings}
    made: Clips = []
    for number, pair in enumerate(pairs[:: max(len(pairs) // 3, 1)][:3]):
        reference = recordings[pair["reference"]]
        title = f"{pair['reference_speaker']}, recording"
        name = f"transfer-{number}"
        made.append(material.clip(f"{name}-from", reference.natural, title, reference.text))
        named = {"speaker": pair["speaker"]} if len(material.voice.speakers) > 1 else {}
        style = material.voice.style(reference=reference.path, **named)
        title = f"{pair['speaker']} in its style"
        made.append(spoken(material, f"{name}-to", title, style, pair["text"]))
        made[-1]["note"] = pair["text"]
    return made


def spoken(material: Material, name: str, title: str, style: Style, text: str = "") -> Any:
    """A clip of a text, the example's if none is given, in a style; its note is the recipe."""
    text = text or example_text(material)
    speech = material.voice.speak(text, style, material.seed)
    return material.clip(name, speech.waveform, title, str(style))


def example_text(material: Material) -> str:
    """The text that styles are compared on."""
    return material.recordings[material.examples[0]].text
