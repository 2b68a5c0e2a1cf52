"""Everything ``voice.style(...)`` can be asked for -> a style: name, values of the sites, controls.

Each step is one function: a name stands for the words it was saved with, a choice of speaker and
prosody sets every site, and the controls asked for become those that give them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from tts_vae.synthesis.bundle import VoiceBundle
from tts_vae.synthesis.calibration import CALIBRATED, Calibration
from tts_vae.synthesis.choosing import SiteChooser
from tts_vae.synthesis.controls import CONTROLS, Control, checked_control
from tts_vae.synthesis.latent_directions import Directions
from tts_vae.synthesis.named_styles import WAYS, named_words
from tts_vae.synthesis.reference import Recording, reference_mels
from tts_vae.synthesis.style import SPEAKER, Style
from tts_vae.synthesis.style_words import ROUTES, is_usual, recipe


@dataclass(frozen=True, kw_only=True, eq=False)
class StyleRequest:
    """The words of ``voice.style``, which explains them."""

    name: str | None = None
    speaker: str | None = None
    reference: Recording | None = None
    component: int | None = None
    vector: Sequence[Any] | Tensor | None = None
    prior: int | None = None
    temperature: float = 1.0
    pitch_st: Control = 0.0
    pitch_range: Control = 1.0
    rate: Control = 1.0
    energy_db: Control = 0.0
    pause: Control = 1.0
    route: str = "explicit"
    calibrated: bool = True

    @property
    def words(self) -> dict[str, Any]:
        """Word -> value, in the order they are written."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @property
    def ways(self) -> list[str]:
        """Which of the ways to choose the prosody are given."""
        return [way for way in WAYS if getattr(self, way) is not None]


class StyleMaker:
    """Makes the styles of one voice.

    Args:
        bundle: the voice.
        sites: what its sites can be set to.
    """

    def __init__(self, bundle: VoiceBundle, sites: SiteChooser) -> None:
        self._bundle = bundle
        self._sites = sites

    @torch.no_grad()
    def make(self, request: StyleRequest) -> Style:
        """The style that was asked for; its label says how to ask for it again.

        Raises:
            ValueError: if a choice is unknown (the valid ones are listed), or two exclude another.
        """
        words = request.words
        request = self._without_name(request)
        if len(request.ways) > 1:
            raise ValueError(
                f"choose one of {', '.join(WAYS)}; got {' and '.join(request.ways)} "
                "(mix two styles to get something between them)"
            )
        if request.temperature != 1.0 and request.prior is None:
            raise ValueError("temperature scales a draw from the prior; give prior=SEED with it")
        if request.route not in ROUTES:
            raise ValueError(f"route must be {' or '.join(ROUTES)}, got {request.route!r}")
        index = self._sites.speaker_index(request.speaker)
        values = self._values(request, index)
        if request.speaker is None and request.reference is None and SPEAKER in values:
            first = next(iter(self._bundle.speakers), None)
            request, words = replace(request, speaker=first), {**words, "speaker": first}
        return Style(values, label=recipe(words), **self._controls(request, values))

    def _without_name(self, request: StyleRequest) -> StyleRequest:
        """The words that a saved style stands for, and upon them those given beside it."""
        if request.name is None:
            return request
        given = {word: v for word, v in request.words.items() if not is_usual(word, v)}
        del given["name"]
        return StyleRequest(**named_words(self._bundle, request.name, given))

    def _values(self, request: StyleRequest, index: int) -> dict[str, Tensor]:
        """Site -> value."""
        sites = self._sites
        if request.ways and request.reference is None and sites.prosody is None:
            raise ValueError(f"this voice has no prosody site for {request.ways[0]}; leave it out")
        values: dict[str, Tensor] = {}
        for site in self._bundle.model.sites:  # parents come before their children
            if site == SPEAKER:
                values[site] = sites.speaker(index)
            elif site == sites.prosody and request.component is not None:
                values[site] = sites.component(request.component)
            elif site == sites.prosody and request.vector is not None:
                values[site] = sites.vector(request.vector)
            elif site == sites.prosody and request.prior is not None:
                values[site] = sites.prior(request.prior, request.temperature, index, values)
            else:
                values[site] = sites.default(site, index, values)
        if request.reference is not None:
            inferred = self._infer(request.reference, index)
            if request.speaker is not None:
                inferred.pop(SPEAKER, None)
            values.update(inferred)
        return values

    def _controls(self, request: StyleRequest, values: dict[str, Tensor]) -> Mapping[str, Any]:
        """Control -> the number that gives what was asked for; the latent route moves values."""
        asked = {name: checked_control(name, getattr(request, name)) for name in CONTROLS}
        if all(is_usual(name, number) for name, number in asked.items()):
            return asked
        if request.route == "latent":
            return self._through_latent(asked, request.calibrated, values)
        if not request.calibrated or self._calibration is None:
            return asked
        return self._calibration.controls(request.speaker, asked)

    def _through_latent(
        self, asked: Mapping[str, Any], calibrated: bool, values: dict[str, Tensor]
    ) -> Mapping[str, Any]:
        """Move z by what is asked for; what it does not hold at all, a pause, is left."""
        directions = self._directions
        if directions is None:
            raise ValueError(
                "this voice knows no directions of its latent; use route explicit, or measure them "
                "with `tts-vae calibrate --voice DIR`"
            )
        left = dict(asked)
        for name in CALIBRATED:
            if not is_usual(name, asked[name]):
                moved = directions.shift(directions.site, name, asked[name], calibrated)
                values[directions.site] = values[directions.site] + moved
                left[name] = CONTROLS[name].usual
        return left

    @cached_property
    def _directions(self) -> Directions | None:
        return Directions.of(self._bundle)

    @cached_property
    def _calibration(self) -> Calibration | None:
        return Calibration.of(self._bundle)

    def _infer(self, reference: Recording, index: int) -> dict[str, Tensor]:
        """Posterior means of every site for a recording, (width,) each."""
        level_db = self._bundle.metadata.get("level_db")
        mels = reference_mels(reference, self._bundle.mel, level_db)
        mask = torch.ones(mels.shape[:2], dtype=torch.bool)
        outputs = self._bundle.model.infer(mels, mask, self._sites.conditions(index), mode="mean")
        return {site: output.z[0] for site, output in outputs.items()}
