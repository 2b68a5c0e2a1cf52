"""Text-to-speech whose speaking style is a latent variable you can choose, measure and trust.

``Voice`` and ``Style`` are imported on first use, so that ``import tts_vae`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tts_vae.synthesis.style import Style
    from tts_vae.synthesis.voice import Voice

__version__ = "0.1.0"
__all__ = ["Style", "Voice", "__version__"]

_HOMES = {"Style": "tts_vae.synthesis.style", "Voice": "tts_vae.synthesis.voice"}


def __getattr__(name: str) -> Any:
    """Import ``Voice`` or ``Style`` when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Public names, the lazy ones too."""
    return sorted(__all__)
