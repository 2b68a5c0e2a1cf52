"""What the latent sites of a voice can be set to: speakers, components, vectors, prior samples."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from tts_vae.latents.contract import Latent
from tts_vae.latents.deterministic import DeterministicLatent
from tts_vae.synthesis.bundle import VoiceBundle
from tts_vae.synthesis.style import SPEAKER

PROSODY = "prosody"


class SiteChooser:
    """Values for the sites of one voice.

    Args:
        bundle: the voice.

    Attributes:
        prosody: name of the site that component, vector and prior set; None if there is none.
    """

    def __init__(self, bundle: VoiceBundle) -> None:
        self._bundle = bundle
        self._sites = bundle.model.sites
        others = [site for site in self._sites if site != SPEAKER]
        self.prosody = PROSODY if PROSODY in others else (others[0] if others else None)

    @property
    def components(self) -> int:
        """Number of components of the prosody site; 0 if it has none."""
        return self._sites[self.prosody].components if self.prosody else 0

    def speaker_index(self, speaker: str | None) -> int:
        """Position of a speaker's name; the first speaker for None.

        Raises:
            ValueError: if the voice has no such speaker (its speakers are listed).
        """
        speakers = self._bundle.speakers
        if speaker is None:
            return 0
        if speaker not in speakers:
            listed = ", ".join(speakers) or "none: leave the speaker out"
            raise ValueError(f"unknown speaker {speaker!r}; this voice has {listed}")
        if SPEAKER not in self._sites and len(speakers) > 1:
            raise ValueError(
                f"this voice was trained without a speaker site, so {speaker!r} cannot be asked "
                "for; choose a style by reference, component or vector"
            )
        return speakers.index(speaker)

    def speaker(self, index: int) -> Tensor:
        """Mean of a speaker's conditional prior, (width,)."""
        latent: Any = self._sites[SPEAKER]
        return latent.class_mean(index)

    def conditions(self, index: int) -> dict[str, Tensor]:
        """Conditions of the sites' priors for one utterance of a speaker."""
        unknown = {n for n in self._bundle.model.conditions.values() if n != SPEAKER}
        if unknown:
            raise ValueError(
                f"this voice is conditioned on {sorted(unknown)}; only {SPEAKER!r} can be chosen"
            )
        return {site: torch.tensor([index]) for site in self._bundle.model.conditions}

    def default(
        self, site: str, index: int, above: Mapping[str, Tensor] = MappingProxyType({})
    ) -> Tensor:
        """The usual value of a site, (width,).

        The mean of the training posteriors if the voice stores it, else its most used component,
        else the mean of its prior, given the sites that prior depends on.

        Args:
            site: its name.
            index: speaker, for a prior conditioned on it.
            above: value of every site before this one.
        """
        latent = self._sites[site]
        stored = self._bundle.styles.get("sites", {}).get(site, {})
        if stored.get("default") is not None:
            return self.checked_vector(site, stored["default"])
        if latent.components:
            usage = stored.get("usage") or getattr(latent, "log_weights", torch.zeros(1)).tolist()
            return latent.component(max(range(len(usage)), key=usage.__getitem__))
        if site in self._bundle.model.parents and not isinstance(latent, DeterministicLatent):
            return self._draw(site, index, above, temperature=0.0, seed=0)
        if site in self._bundle.model.conditions:
            return latent.class_mean(index)  # type: ignore[operator]
        return torch.zeros(latent.width)

    def component(self, index: int) -> Tensor:
        """The value that a component of the prosody site stands for, (width,).

        Raises:
            ValueError: if there is no such component; says what can be chosen instead.
        """
        latent = self._prosody_latent("component")
        if isinstance(index, bool) or not isinstance(index, int):
            raise ValueError(f"component must be a whole number, got {index!r}")
        if not latent.components:
            raise ValueError(
                f"the {self.prosody} site of this voice is a {type(latent).__name__} and has no "
                f"components; choose a reference, a vector of {latent.width} numbers"
                f"{'' if isinstance(latent, DeterministicLatent) else ' or a prior seed'}"
            )
        if not 0 <= index < latent.components:
            raise ValueError(
                f"unknown component {index}; this voice has 0 to {latent.components - 1}"
            )
        return latent.component(index)

    def vector(self, vector: Sequence[Any] | Tensor) -> Tensor:
        """A raw value of the prosody site, (width,) or (phones, width)."""
        self._prosody_latent("vector")
        assert self.prosody is not None
        return self.checked_vector(self.prosody, vector)

    def prior(
        self,
        seed: int,
        temperature: float,
        index: int,
        above: Mapping[str, Tensor] = MappingProxyType({}),
    ) -> Tensor:
        """A draw from the prior of the prosody site, (width,).

        Args:
            seed: of the draw; the same seed gives the same style.
            temperature: factor of the prior's standard deviation; 0 or more.
            index: speaker, for a prior conditioned on it.
            above: value of every site before this one, for a prior that depends on some.

        Raises:
            ValueError: if the site has no prior to draw from.
        """
        latent = self._prosody_latent("prior")
        if isinstance(seed, bool) or not isinstance(seed, int) or not abs(seed) < 2**63:
            raise ValueError(f"prior must be a whole number, the seed of the draw, got {seed!r}")
        if not 0 <= temperature <= 10:
            raise ValueError(f"temperature must be between 0 and 10, got {temperature}")
        if isinstance(latent, DeterministicLatent):
            raise ValueError(
                f"the {self.prosody} site of this voice is a {type(latent).__name__} and has no "
                f"prior to draw from; choose a reference or a vector of {latent.width} numbers"
            )
        assert self.prosody is not None
        return self._draw(self.prosody, index, above, temperature, seed)

    def _draw(
        self, site: str, index: int, above: Mapping[str, Tensor], temperature: float, seed: int
    ) -> Tensor:
        """A draw from the prior of a site, given the values of the sites it depends on."""
        latent = self._sites[site]
        parents = self._bundle.model.parents.get(site, ())
        context = torch.cat([above[parent] for parent in parents], -1) if parents else None
        drawn = latent.sample(
            (1,),
            condition=self.conditions(index).get(site),
            context=None if context is None else context.unsqueeze(0),
            temperature=temperature,
            generator=torch.Generator().manual_seed(seed),
        )
        return drawn.reshape(-1, latent.width)[0]

    def checked_vector(self, site: str, vector: Sequence[Any] | Tensor) -> Tensor:
        """Numbers as a value of a site.

        Raises:
            ValueError: if they are not finite numbers of the site's width.
        """
        width = self._sites[site].width
        try:
            value = torch.as_tensor(vector, dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"vector must be {width} numbers, got {vector!r:.80}") from error
        if value.dim() not in (1, 2) or value.shape[-1] != width or not value.isfinite().all():
            got = "numbers that are not finite" if value.shape[-1:] == (width,) else None
            raise ValueError(
                f"vector must be {width} finite numbers (the width of site {site}), or that for "
                f"each phone; got {got or 'shape ' + str(tuple(value.shape))}"
            )
        return value

    def _prosody_latent(self, word: str) -> Latent:
        if self.prosody is None:
            raise ValueError(
                f"this voice has no prosody site for {word}; choose a speaker or a reference"
            )
        return self._sites[self.prosody]
