"""The demonstration of a voice: clips in every style, a map of its latents, what was measured."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import track

from tts_vae.data.features import extract
from tts_vae.evaluation.measures.acoustics import change
from tts_vae.evaluation.measures.clustering import LatentUse
from tts_vae.evaluation.measures.duration import LengthRatio, length_ratio
from tts_vae.evaluation.pages.listening import CONTROLS, Listening, Section
from tts_vae.evaluation.pages.listening_figures import map_pictures
from tts_vae.evaluation.pages.listening_page import Table, write_page
from tts_vae.evaluation.voices.held_out import held_out_speech
from tts_vae.evaluation.voices.intelligibility import intelligibility
from tts_vae.evaluation.voices.latent_map import latent_map, spread_evenly
from tts_vae.synthesis.voice import Voice

MAP_TEXT = (
    "Each dot is a training recording at its posterior mean, on the first two principal components "
    "of its latent. Colours are what the corpus truly knows of the recording; no such label was "
    "given in training, so an even run of colour means that the latent found the factor by itself. "
    "Numbers are the components of the prior."
)


@dataclass(frozen=True)
class Demonstration:
    """Where to listen, and what to try next."""

    page: Path
    commands: list[str]


def demonstrate(
    voice_dir: Path,
    corpus_dir: Path,
    out: Path,
    *,
    text: str,
    held_out: int = 40,
    mapped: int = 600,
    seed: int = 0,
    f0_tracker: str = "praat",
    spent_s: Mapping[str, float] | None = None,
    program: str = "tts-vae",
    listen_to: str | Path | None = None,
) -> Demonstration:
    """Speak, measure and write the page.

    Args:
        voice_dir: a voice.
        corpus_dir: the prepared corpus it was trained on.
        out: folder of ``index.html``, ``audio`` and ``figures``.
        text: the sentence every style says.
        held_out: recordings that error rate and length are measured on.
        mapped: training recordings on the latent map.
        seed: of everything random.
        f0_tracker: with which the corpus's features were made.
        spent_s: what took how many seconds, for the table.
        program: how the command line is called from here.
        listen_to: voice whose styles are heard, such as the shipped "espeak", with a few clips of
            the trained one after them; None hears the trained one in every style.

    Raises:
        ValueError: voice, corpus or judge is missing, or the text cannot be spoken.
    """
    voice = Voice.load(voice_dir)
    heard = voice if listen_to is None else Voice.load(listen_to)
    parts = Listening(heard, corpus_dir, text, seed).sections()
    if listen_to is not None:
        parts.append(Listening(voice, corpus_dir, text, seed).beginner)
    sections = [speak() for speak in track(parts, "speaking in every style")]
    items = held_out_speech(voice, corpus_dir, held_out, seed)
    errors = intelligibility(voice, items, seed)
    lengths = length_ratio(*zip(*(item.frames for item in items), strict=True))
    store = extract(
        corpus_dir,
        "train",
        mel=voice.bundle.mel,
        phonemizer=voice.phonemizer,
        f0_tracker=f0_tracker,
    )
    points = latent_map(voice, spread_evenly(store, mapped))
    prosody = voice.bundle.model.sites["prosody"]
    means = [prosody.component(k).tolist() for k in range(voice.components)] or None
    commands = next_commands(voice, voice_dir, out, program)
    page = write_page(
        out,
        title="A voice from nothing",
        lead=_lead(listen_to),
        text=text,
        sections=sections,
        tables=[
            quality_table(errors, lengths, points.use, len(points.ids), spent_s or {}),
            control_table(sections),
        ],
        maps=map_pictures(points, means),
        map_text=MAP_TEXT,
        commands=commands,
        footer=_provenance(voice.bundle.metadata, seed),
    )
    return Demonstration(page, commands)


def _lead(listen_to: str | Path | None) -> str:
    who = (
        "This voice was trained on this machine, on sentences that espeak-ng spoke for it. "
        if listen_to is None
        else f"You hear the voice {Path(listen_to).name} first, trained in the same way for "
        "longer; the voice that this machine has just trained comes after it, and is what the "
        "first table and the map measure. "
    )
    return who + (
        "Every clip below says the same sentence; only the style, a point in a latent space, "
        "differs. Pictures show what is heard: the mel spectrogram and the measured F0 (blue)."
    )


def next_commands(voice: Voice, voice_dir: Path, out: Path, program: str) -> list[str]:
    """Commands to copy: every way to choose a style that this voice has, and more training."""
    say = f'{program} {{}} "Any sentence of yours." --voice {voice_dir} '
    styles = ["--pitch +2st --rate 1.2 --energy +3dB", "--prior 7"]
    start, end = "default", "pitch=+3,rate=1.3"
    if voice.components:
        styles.insert(0, f"--component {voice.components // 2}")
        start = "component=0"
    if len(voice.speakers) > 1:
        styles.insert(1, f"--speaker {voice.speakers[-1]}")
        end = f"speaker={voice.speakers[-1]},rate=1.3"
    return [
        *(f"{say.format('speak')}{style} --out hello.wav" for style in styles),
        f"{say.format('interpolate')}--from {start} --to {end} --out {out / 'steps'}",
        f"{program} evaluate --voice {voice_dir} --out {out / 'evaluation'}",
        f'make demo DEMO_ARGS="steps=3000 folder={out.with_name(out.name + "-longer")}"',
    ]


def quality_table(
    errors: Mapping[str, Any],
    lengths: LengthRatio,
    use: Mapping[str, LatentUse],
    mapped: int,
    spent_s: Mapping[str, float],
) -> Table:
    """Intelligibility, length, life of the latents, and time.

    Args:
        errors: what ``intelligibility`` returned.
        lengths: synthesis / recording.
        use: site -> use over the mapped recordings.
        mapped: number of those.
        spent_s: what took how many seconds.
    """
    rows: list[tuple[str, str, str]] = []
    names = {"natural": "natural", "copy_synthesis": "copy-synthesis", "synthesis": "synthesis"}
    for key, name in names.items():
        found = errors["all"][key]
        found = found if "rate" in found else found["cer"]
        interval = f"95 % interval {100 * found['low']:.1f}–{_percent(found['high'])}"
        what = "phone error rate" if errors["measure"] == "PER" else "character error rate"
        rows.append((f"{what.capitalize()}, {name}", _percent(found["rate"]), interval))
    rows.append(
        (
            "Length, synthesis / recording",
            f"{lengths.ratio.median:.3f}",
            f"median; 95 % of sentences within {_percent(lengths.p95_deviation)}",
        )
    )
    for site, used in use.items():
        components = (
            f", {used.components_in_use} of {used.components} components in use"
            if used.components
            else ""
        )
        rows.append(
            (
                f"KL of the {site} latent",
                f"{used.mean_kl_nats:.1f} nats",
                f"{used.active_units} of {used.width} units active{components}",
            )
        )
    long = {what: seconds for what, seconds in spent_s.items() if seconds >= 1}
    rows += [(f"Time, {what}", _minutes(seconds), "") for what, seconds in long.items()]
    utterances = errors["all"]["natural"]
    utterances = (utterances if "rate" in utterances else utterances["cer"])["utterances"]
    note = (
        f"Errors are those of a recogniser that never heard synthetic speech ({errors['judge']}), "
        f"on {utterances} held-out recordings and the same sentences spoken in their styles; "
        f"copy-synthesis is the recording through the vocoder alone. Latents over {mapped} "
        "training recordings."
    )
    return Table("Quality", ("measure", "value", "detail"), rows, note)


def control_table(sections: Sequence[Section]) -> Table:
    """What was asked of pitch, rate and energy beside what came out, measured on the waveforms."""
    rows = []
    for section in sections:
        for clip in section.clips:
            for word, asked in clip.request.items():
                neutral = {word: CONTROLS[word].neutral}
                usual = next(c for c in section.clips if dict(c.request) == neutral)
                heard = change(clip.acoustics, usual.acoustics)
                came = {"pitch_st": heard.pitch_st, "rate": heard.rate, "energy_db": heard.level_db}
                rows.append((CONTROLS[word].name, _shift(word, asked), _shift(word, came[word])))
    note = (
        "Relative to the unshifted clip: median F0 by Praat, time from first to last sound, RMS "
        "level of the sounding parts."
    )
    return Table("Controls", ("control", "requested", "realised"), rows, note)


def _shift(word: str, value: float) -> str:
    if math.isnan(value):
        return "not measurable"
    if CONTROLS[word].neutral:
        return f"{value:.2f} {CONTROLS[word].unit}"
    number = f"{value:+.1f}" if abs(value) >= 0.05 else "0.0"
    return f"{number} {CONTROLS[word].unit}".replace("-", "\u2212")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def _provenance(metadata: Mapping[str, Any], seed: int) -> str:
    known = {name: metadata.get(name) for name in ("experiment", "steps", "git")}
    told = ", ".join(f"{name} {value}" for name, value in known.items() if value is not None)
    return f"Voice: {told or 'unknown'}. Seed {seed}. Made by make demo."
