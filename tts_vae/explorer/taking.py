"""Styles that come and go: taken from a recording, kept under a name, read again by it."""

from collections.abc import Mapping
from typing import Any

from tts_vae.explorer.choice import Choice, Recorded, Start
from tts_vae.explorer.limits import checked_recording
from tts_vae.explorer.open_voice import OpenVoice
from tts_vae.explorer.session import Session
from tts_vae.synthesis.named_styles import NAMED, checked_name, save_style
from tts_vae.synthesis.style_words import parse_style
from tts_vae.synthesis.voice_styles import read_styles


def take_recording(voice: OpenVoice, path: str) -> tuple[Recorded, Start]:
    """The style of a recording, and the place where its prosody is.

    Raises:
        ValueError: if the recording is no sound, silent, too short, too long or too large.
    """
    file = checked_recording(path)
    try:
        style = voice.voice.style(reference=file)
    except ValueError as error:  # the reader knows the file by its name, not by ours
        raise ValueError(str(error).replace(str(file), file.name)) from error
    recorded = Recorded(file.name, style)
    site = voice.voice.prosody_site
    if site is None:
        return recorded, Start()
    vector = tuple(float(f"{number:.9g}") for number in style.values[site].tolist())
    return recorded, Start(f"recording {file.name}", {"vector": vector})


def saved_words(session: Session, voice: OpenVoice, name: str) -> Mapping[str, Any]:
    """What a saved style says, in the words of ``voice.style``.

    Raises:
        ValueError: if there is none of that name.
    """
    if name in session.named:
        return session.named[name]
    if name not in voice.saved:
        raise ValueError(f"There is no saved style {name!r} any more: choose another.")
    return parse_style(voice.saved[name])


def keep_style(
    session: Session, voice: OpenVoice, name: str, choice: Choice, in_folder: bool
) -> str:
    """Save a style under a name: with its voice if that can be, else for this tab.

    Args:
        session: of the tab.
        voice: whose style.
        name: letters, digits, - and _.
        choice: the style.
        in_folder: whether the voice's folder may be written.

    Returns:
        A line that says where it is.

    Raises:
        ValueError: if the name cannot be used, or the style cannot be written in words.
    """
    if not name.strip():
        raise ValueError("Give the style a name: letters, digits, - and _.")
    if choice.recorded is not None:
        raise ValueError(
            "A saved style cannot hold the speaker of a recording: choose a speaker, then save."
        )
    words = choice.words(voice.voice)
    if not words:
        raise ValueError("This is the usual style, which needs no name: change something first.")
    styles = voice.voice.bundle.styles
    name = checked_name(styles, name)
    if in_folder:
        try:
            save_style(voice.folder, name, words)
        except ValueError as error:
            if not isinstance(error.__cause__, OSError):
                raise
        else:
            styles[NAMED] = read_styles(voice.folder)[NAMED]
            session.named.pop(name, None)
            return f"Saved with the voice: tts-vae speak --voice {voice.name} --style {name}"
    session.named[name] = words
    return f"Saved as {name} for this tab: the voice's folder is not written to from here."
