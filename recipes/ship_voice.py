"""Put a trained voice into the package: python -m recipes.ship_voice voice=PATH name=NAME.

vocoder=PATH name=vocoder puts the vocoder there that all shipped voices speak through.

Overrides are those of configs/ship_voice.yaml; data, licence, command and measured go on the card.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from recipes.configuration import configure
from tts_vae.cli import run
from tts_vae.training.shipping import Shipped, ship_vocoder, ship_voice


def ship(overrides: list[str]) -> Shipped:
    """Ship the configured voice and print what it takes."""
    config = configure(overrides, "ship_voice")
    card = {str(name): text for name, text in config.card.items()}
    missing = [name for name, text in card.items() if not text]
    if missing:
        raise ValueError(f"a shipped voice says whence it comes: give card.{missing[0]}=TEXT")
    write = ship_vocoder if config.vocoder else ship_voice
    source = Path(config.vocoder or config.voice)
    shipped = write(source, Path(config.folder) / config.name, card)
    sys.stdout.write(json.dumps(asdict(shipped), indent=1, default=str) + "\n")
    return shipped


if __name__ == "__main__":
    sys.exit(run(lambda: ship(sys.argv[1:]) and 0))
