"""One slider for each dimension of the prosody, named by its card where the voice has cards."""

from dataclasses import dataclass

from tts_vae.synthesis.bundle import VoiceBundle
from tts_vae.synthesis.prior_spread import prior_sd

REACH_SD = 3.0
"""How far a slider goes either way, in standard deviations of the prior."""

INAUDIBLE = "nothing audible"
"""Words of a card whose changes are too small or too uncertain to be named."""


@dataclass(frozen=True)
class Dimension:
    """One dimension of the prosody.

    Attributes:
        index: from 0.
        words: what moving it up changes; "" where there is no card.
        sd: standard deviation of the prior, which is one unit of the slider.
    """

    index: int
    words: str
    sd: float

    @property
    def label(self) -> str:
        """For the slider."""
        return f"{self.index}: {self.words}" if self.words else f"dimension {self.index}"


def dimensions(bundle: VoiceBundle, site: str | None) -> tuple[Dimension, ...]:
    """The dimensions of a voice's prosody; those whose card says something first.

    Args:
        bundle: the voice.
        site: its prosody site; None if there is none.
    """
    if site is None:
        return ()
    spreads = prior_sd(bundle, site).tolist()
    names = card_names(bundle, "dimension", site)
    found = [Dimension(i, names.get(i, ""), max(sd, 1e-6)) for i, sd in enumerate(spreads)]
    return tuple(sorted(found, key=lambda dimension: dimension.words in ("", INAUDIBLE)))


def card_names(bundle: VoiceBundle, kind: str, site: str) -> dict[int, str]:
    """Index -> what its card says it changes; ``INAUDIBLE`` where that is nothing one can hear.

    Args:
        bundle: the voice; without cards there are no names.
        kind: "dimension" or "component".
        site: of the latent.
    """
    cards = bundle.styles.get("cards", {}).get(f"{kind}s", [])
    return {
        int(card[kind]): str(card.get("name") or INAUDIBLE)
        for card in cards
        if card.get("site") == site
    }
