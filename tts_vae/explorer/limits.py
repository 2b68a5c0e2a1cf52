"""What the page accepts, and one line that says what to do about anything else."""

from pathlib import Path

from tts_vae.text.normalisation import speakable

MAX_CHARACTERS = 1_000
"""Longest text, about a minute of speech."""

MAX_UPLOAD_MB = 10
SHORTEST_S, LONGEST_S = 0.3, 60.0
"""Length of a recording whose style may be taken."""

LONGEST_SOUND_S = 240.0
"""Longest sound that is spoken at once: a long text at the slowest rate."""

MAX_WAITING = 16
"""Requests that may wait for their turn; one more is told to come back."""

SSML_START = "<speak"


def is_ssml(text: str) -> bool:
    """Whether a text is marked up."""
    return text.lstrip().startswith(SSML_START)


def checked_text(text: str | None) -> str:
    """The text, if it can be spoken and is not too long.

    Raises:
        ValueError: otherwise.
    """
    text = (text or "").strip()
    if not text:
        raise ValueError("There is no text yet: write a sentence to speak.")
    if len(text) > MAX_CHARACTERS:
        raise ValueError(
            f"The text has {len(text):,} characters and this page speaks {MAX_CHARACTERS:,} at "
            "most: shorten it, or use `tts-vae speak` for a long one."
        )
    if not is_ssml(text) and not speakable(text):
        raise ValueError("There is no letter or digit in the text: write a word to pronounce.")
    return text


def checked_recording(path: str | Path) -> Path:
    """A sound file of a length that a style can be taken from; what is in it is judged later.

    Raises:
        ValueError: if it is too large, no readable sound, too short or too long.
    """
    import soundfile

    path = Path(path)
    if path.stat().st_size > MAX_UPLOAD_MB * 2**20:
        raise ValueError(f"The recording is larger than {MAX_UPLOAD_MB} MB: cut or compress it.")
    try:
        about = soundfile.info(str(path))
        seconds = about.frames / about.samplerate
    except (soundfile.LibsndfileError, RuntimeError, OSError, ZeroDivisionError) as error:
        raise ValueError(
            f"{path.name} is not a sound file that can be read: convert it to wav or flac."
        ) from error
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise ValueError(
            f"The recording lasts {seconds:.1f} s: give one of {SHORTEST_S:g} to {LONGEST_S:g} s."
        )
    return path
