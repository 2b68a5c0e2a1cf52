"""The voices that come with the package: one folder each, read by ``tts_vae.synthesis``.

A folder holds config.yaml, model.safetensors, styles.json, README.md (data, licence, measurements)
and, where the voice has one of its own, vocoder/; the vocoder beside the voices is for all others.
A folder's name is what ``--voice`` and ``Voice.load`` take.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
"""Where the shipped voices are."""
