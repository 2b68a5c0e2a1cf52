"""Cards of a trained voice: what every latent dimension and every component changes in its speech.

Nothing is taken from labels: sentences are spoken by several speakers with one dimension moved over
-2 to +2 standard deviations of its prior around the usual style, or with a component in place of
it, and what comes out is measured. A dimension gets the slope of each attribute per standard
deviation, a component the difference from the usual style; both are means over speakers and
sentences, each compared with itself, with the standard error of that mean.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tts_vae.evaluation.cards.card_words import QUALITIES
from tts_vae.evaluation.cards.style_card import (
    USUAL,
    Card,
    Cards,
    Floats,
    Place,
    make_card,
    mean_and_error,
    named,
    slopes,
)
from tts_vae.evaluation.measures.attributes import measure_attributes
from tts_vae.evaluation.measures.snr import wada_snr_db
from tts_vae.synthesis.prior_spread import prior_sd
from tts_vae.synthesis.speech import Speech
from tts_vae.synthesis.style import SPEAKER, Style
from tts_vae.synthesis.voice import Voice

if TYPE_CHECKING:
    from tts_vae.evaluation.listeners.intelligibility import Judge

TEXTS = (
    "The old sailor painted the wooden boat by the harbor.",
    "Maria will arrive early on Monday, and we are waiting for her.",
    "Nobody knew why the small red lamp was still burning.",
    "Seven brown horses ran along the river in the rain.",
    "We had never seen such a long line of people before.",
    "A warm wind came over the hill and moved the yellow grass.",
    "He put the letter away, then opened the window to listen.",
    "Their new neighbor plays the violin every evening after dinner.",
)
"""What is spoken where nothing else is asked for: as many as make ``GROUPS`` with the speakers."""

GROUPS = 12
"""Pairs of a speaker and a sentence that a card is measured on, where the texts suffice."""

STEPS_SD = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""Places of a dimension, prior standard deviations from the usual style."""

SPEAKERS, COMPONENTS = 4, 64
"""Most speakers and most components (the most used) that are measured."""

_BATCH = 8

Watch = Callable[[Iterable[Any], int, str], Iterable[Any]]


def measure_cards(
    voice: Voice,
    texts: Sequence[str] | None = None,
    speakers: Sequence[str] | None = None,
    snr: bool = False,
    judge: "Judge | None" = None,
    seed: int = 0,
    watch: Watch | None = None,
) -> Cards:
    """Speak, measure and name.

    Args:
        voice: who speaks.
        texts: one sentence each; the first of ``TEXTS`` if None.
        speakers: whom to hear; up to four, evenly spread over the voice's, if None.
        snr: whether to estimate the signal-to-noise ratio too: for a voice trained on noise.
        judge: aligns phones for the rate; None goes by the level of the sound.
        seed: of everything random.
        watch: (items, how many, what) -> the same items; shows the progress.

    Raises:
        ValueError: if there is no text, or a speaker or a sound of a text is unknown.
    """
    who = _speakers(voice, speakers)
    if texts is None:
        texts = TEXTS[: max(3, -(-GROUPS // len(who)))]
    if not texts or not who:
        raise ValueError("expected at least one sentence and one speaker to speak it, got none")
    names = [name for name in QUALITIES if snr or name != "snr_db"]
    groups = [(speaker, text) for speaker in who for text in texts]
    usual = {speaker: voice.style(speaker=speaker) for speaker in who}
    places = _places(voice)
    moved = {site for site, kind, _, _ in places if kind == "dimension"}
    sds = {site: prior_sd(voice.bundle, site).tolist() for site in moved}
    styles = {
        (place, speaker): _style(voice, place, speaker, usual[speaker], sds)
        for place in places
        for speaker in who
    }
    jobs = [(place, group) for place in places for group in range(len(groups))]
    rows = {place: np.full((len(groups), len(names)), np.nan) for place in places}
    examples: dict[Place, Speech] = {}
    spoken: Iterable[tuple[int, Speech | ValueError]] = voice.stream_many(
        [groups[group][1] for _, group in jobs],
        [styles[place, groups[group][0]] for place, group in jobs],
        batch_size=_BATCH,
        seed=seed,
    )
    for position, speech in watch(spoken, len(jobs), "Measuring") if watch else spoken:
        place, group = jobs[position]
        if isinstance(speech, ValueError):
            if place == USUAL:
                raise speech
            continue  # a step too far for this voice: undefined
        rows[place][group] = attributes_of(speech, names, judge)
        if group == 0 and (place[1] != "dimension" or abs(place[3]) == max(STEPS_SD)):
            examples[place] = speech
    return Cards(
        dimensions=tuple(_dimension_cards(voice, places, rows, names, sds)),
        components=tuple(
            _component_card(voice, place, rows, names)
            for place in places
            if place[1] == "component"
        ),
        usual=named(names, mean_and_error(rows[USUAL])[0]),
        method={
            "texts": list(texts),
            "speakers": [speaker for speaker in who if speaker is not None],
            "steps_sd": list(STEPS_SD),
            "rate": "level" if judge is None else "judge",
            "seed": seed,
        },
        examples=examples,
    )


def attributes_of(speech: Speech, names: Sequence[str], judge: "Judge | None" = None) -> Floats:
    """Attributes of one utterance in units that add up: the rate as 100 ln(phones / s).

    Returns:
        (attributes,), NaN where undefined.
    """
    found = measure_attributes(
        speech.waveform, speech.sample_rate, speech.phones, judge, speech.gain_db
    )
    values = {
        "pitch_st": found.pitch_st,
        "pitch_range_st": found.pitch_range_st,
        "rate_percent": 100 * float(np.log(found.rate)) if found.rate > 0 else float("nan"),
        "energy_db": found.energy_db,
        "tilt_db": found.tilt_db,
    }
    if "snr_db" in names:
        values["snr_db"] = wada_snr_db(speech.waveform)
    return np.array([values[name] for name in names])


def _dimension_cards(
    voice: Voice,
    places: Sequence[Place],
    rows: Mapping[Place, Floats],
    names: Sequence[str],
    sds: Mapping[str, Sequence[float]],
) -> Iterable[Card]:
    for site, index in dict.fromkeys((p[0], p[2]) for p in places if p[1] == "dimension"):
        line = np.stack(
            [rows[(site, "dimension", index, s) if s else USUAL] for s in STEPS_SD]
        )  # (steps, groups, attributes)
        found = slopes(STEPS_SD, line)
        sd, spread = sds[site][index], _stored(voice, site, "std")
        share = float(spread[index]) / sd if spread else float("nan")
        extent = max(STEPS_SD) - min(STEPS_SD)  # a slope is heard over the whole way
        yield make_card((site, index), names, found, extent, share, sd)


def _component_card(
    voice: Voice, place: Place, rows: Mapping[Place, Floats], names: Sequence[str]
) -> Card:
    site, _, index, _ = place
    usage = _stored(voice, site, "usage")
    share = float(usage[index]) if usage else float("nan")
    return make_card((site, index), names, rows[place] - rows[USUAL], 1.0, share, float("nan"))


def _places(voice: Voice) -> list[Place]:
    """The usual style, every step of every dimension, every component that is measured."""
    sites = voice.bundle.model.sites
    prosody = voice.prosody_site
    places = [USUAL]
    for site in sorted(sites, key=lambda name: name != prosody):
        if site == SPEAKER and len(voice.speakers) < 2:
            continue
        places += [
            (site, "dimension", index, step)
            for index in range(sites[site].decoded_width)
            for step in STEPS_SD
            if step
        ]
    if prosody is not None and voice.components:
        usage = _stored(voice, prosody, "usage") or [0.0] * voice.components
        most_used = sorted(range(voice.components), key=lambda k: -usage[k])[:COMPONENTS]
        places += [(prosody, "component", index, 0.0) for index in sorted(most_used)]
    return places


def _style(
    voice: Voice,
    place: Place,
    speaker: str | None,
    usual: Style,
    sds: Mapping[str, Sequence[float]],
) -> Style:
    site, kind, index, step = place
    if kind == "usual":
        return usual
    if kind == "component":
        return voice.style(speaker=speaker, component=index)
    value = usual.values[site].clone()
    value[..., index] += step * sds[site][index]
    return replace(usual, values={**usual.values, site: value})


def _speakers(voice: Voice, asked: Sequence[str] | None) -> list[str | None]:
    if asked is not None:
        return list(asked)
    if len(voice.speakers) < 2 or SPEAKER not in voice.bundle.model.sites:
        return [None]
    count = min(SPEAKERS, len(voice.speakers))
    spread = np.linspace(0, len(voice.speakers) - 1, count).round().astype(int)
    return [voice.speakers[i] for i in spread]


def _stored(voice: Voice, site: str, what: str) -> Sequence[float] | None:
    """A list that the voice stores of a site's training posteriors."""
    numbers = voice.bundle.styles.get("sites", {}).get(site, {}).get(what)
    return numbers if numbers else None
