"""The command that opens the explorer: explore."""

import logging
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from tts_vae.cli.options import ThreadsOption, VocoderOption, VoiceOption


def explore(
    voice: VoiceOption = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 7860,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    corpus: Annotated[
        Path | None,
        typer.Option(help="Measure this corpus's utterances for the map; kept with the voice."),
    ] = None,
    vocoder: VocoderOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Open a page on this machine where styles are chosen by hand, heard and measured."""
    logging.basicConfig(level=logging.WARNING, format="tts-vae: %(levelname)s: %(message)s")
    try:
        from tts_vae.explorer.server import serve
    except ImportError as error:
        raise ValueError(
            f"the explorer needs {error.name}, which is not installed; "
            "pip install 'tts_vae[explore]'"
        ) from error
    from tts_vae.explorer.open_voice import Voices

    if corpus is not None:
        _measure(voice, corpus, threads)
    voices = Voices(voice, vocoder, threads)

    def started(url: str) -> None:
        typer.echo(f"{url}: exploring {voices.first}; Ctrl+C ends it")
        if browser:
            webbrowser.open(url)

    serve(voices, host, port, started)


def _measure(voice: Path | None, corpus: Path, threads: int | None) -> None:
    from tts_vae.explorer.points import measure_points, store_points
    from tts_vae.synthesis.voice import Voice
    from tts_vae.synthesis.voice_folders import find_voice

    folder = find_voice(voice)
    loaded = Voice.load(folder, threads=threads)
    points = measure_points(loaded, corpus)
    assert loaded.prosody_site is not None  # measure_points refuses a voice without
    path = store_points(folder, loaded.prosody_site, points)
    typer.echo(f"{path}: {points.source}")
