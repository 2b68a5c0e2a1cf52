"""Options that several commands share, where their text comes from, and progress."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

T = TypeVar("T")

_VOICE = "Name of a shipped voice, or folder of a trained one"
VoiceOption = Annotated[
    Path | None, typer.Option("--voice", help=f"{_VOICE}; the shipped default if left out.")
]
NeededVoice = Annotated[Path, typer.Option("--voice", help=f"{_VOICE}.")]
VocoderOption = Annotated[
    str | None,
    typer.Option(help="griffin-lim, or folder of a vocoder; the voice's own if left out."),
]
SeedOption = Annotated[int, typer.Option(help="Same seed, same waveform.")]
ThreadsOption = Annotated[int | None, typer.Option(help="CPU threads.")]
TextArgument = Annotated[str, typer.Argument(help="What to say; - reads standard input.")]


def read_text(text: str) -> str:
    """The text given, or standard input for ``-``."""
    return sys.stdin.read() if text == "-" else text


def progress(items: Iterable[T], total: int, description: str) -> Iterable[T]:
    """A bar on standard error, if somebody sees it and it would move."""
    if total < 2 or not sys.stderr.isatty():
        return items
    from rich.console import Console
    from rich.progress import track

    return track(items, description, total=total, console=Console(stderr=True), transient=True)
