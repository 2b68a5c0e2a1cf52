"""The command that turns a voice into files for other programs: export."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tts_vae.cli.options import ThreadsOption, VocoderOption, VoiceOption


def export(
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    voice: VoiceOption = None,
    format: Annotated[Literal["onnx"], typer.Option(help="Kind of file.")] = "onnx",
    vocoder: VocoderOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Write a voice as ONNX files and compare what they say with torch."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file; give the name of a folder")
    from tts_vae.synthesis.speech import check_writable

    check_writable(out / "acoustic.onnx")

    from tts_vae.synthesis.onnx_export import export_onnx
    from tts_vae.synthesis.voice_folders import find_voice

    folder, agreement = export_onnx(find_voice(voice), out, vocoder, threads)
    for file in sorted(folder.glob("*.onnx")):
        typer.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    sound = "" if agreement.waveform is None else f", samples by {agreement.waveform:.1e}"
    ties = "" if not agreement.ties else f" ({agreement.ties} at a rounding edge)"
    typer.echo(
        f"{folder}: {agreement.sentences} sentences against torch: mels differ by at most "
        f"{agreement.mels:.1e} nepers, durations identical{ties}{sound}"
    )
