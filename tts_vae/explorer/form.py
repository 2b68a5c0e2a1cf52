"""What the page's components say, in one object; and a style put back into them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tts_vae.explorer.choice import Choice
from tts_vae.explorer.limits import checked_text
from tts_vae.explorer.open_voice import OpenVoice, Voices
from tts_vae.explorer.recipe_lines import Between, Request
from tts_vae.explorer.session import Session
from tts_vae.synthesis.controls import CONTROLS

AS_RECORDED = "as recorded"
"""The speaker of the recording, whoever that is."""

FIELDS = ("text", "speaker", "colour", "calibrated", "route", "seed", "path", "autoplay")
"""Components that are read beside the sliders, in this order."""


@dataclass(frozen=True)
class Form:
    """The components of one tab at the moment of a request.

    Attributes:
        text: as it was written.
        speaker: a name, ``AS_RECORDED`` or None.
        colour: attribute of the map.
        calibrated: whether controls ask for what is heard.
        route: "explicit" or "latent".
        seed: of everything random.
        path: how to go from A to B.
        autoplay: whether new sounds play by themselves.
        controls: every physical control.
        shifts_sd: (sliders,) prior standard deviations, in the order of the sliders.
    """

    text: str
    speaker: str | None
    colour: str | None
    calibrated: bool
    route: str
    seed: int
    path: str
    autoplay: bool
    controls: Mapping[str, float]
    shifts_sd: tuple[float, ...]

    @classmethod
    def read(cls, values: Sequence[Any]) -> "Form":
        """From the values of ``FIELDS``, the controls and the dimensions, one after the other."""
        fields = dict(zip(FIELDS, values, strict=False))
        sliders = values[len(FIELDS) :]
        controls = {k: float(v or 0) for k, v in zip(CONTROLS, sliders, strict=False)}
        fields["seed"] = int(fields["seed"] or 0)
        fields["text"] = fields["text"] or ""
        shifts = tuple(float(v or 0) for v in sliders[len(CONTROLS) :])
        return cls(**fields, controls=controls, shifts_sd=shifts)

    def choice(self, session: Session, voice: OpenVoice) -> Choice:
        """The style in hand."""
        shifts = [0.0] * len(voice.dimensions)
        for dimension, sd in zip(voice.dimensions, self.shifts_sd, strict=False):
            shifts[dimension.index] = sd * dimension.sd
        more: dict[str, Any] = {} if self.calibrated else {"calibrated": False}
        if self.route != "explicit":
            more["route"] = self.route
        own = self.speaker == AS_RECORDED
        return Choice(
            speaker=None if own else self.speaker,
            start=session.start,
            shifts=tuple(shifts),
            controls=self.controls,
            more=more,
            recorded=session.recorded if own else None,
        )

    def request(self, voices: Voices, session: Session, style: Choice | Between) -> Request:
        """A sound.

        Raises:
            ValueError: if the text cannot be spoken.
        """
        text = checked_text(self.text)
        return Request(
            session.voice, text, style, self.seed, threads=voices.threads, vocoder=voices.vocoder
        )


def sliders_of(voice: OpenVoice, choice: Choice) -> tuple[dict[str, float], list[float]]:
    """Where the sliders of controls and dimensions stand for a style."""
    controls = {name: scale.usual for name, scale in CONTROLS.items()} | dict(choice.controls)
    shifts = choice.shifts or (0.0,) * len(voice.dimensions)
    return controls, [round(shifts[d.index] / d.sd, 3) for d in voice.dimensions]
