"""The command ``evaluate``: measure one voice, or put measured ones side by side."""

import importlib
from pathlib import Path
from typing import Annotated

import typer

from tts_vae.cli.options import SeedOption
from tts_vae.cli.running import say

_COMPARED = "Voices or folders with a metrics.json to put side by side: --compare A B C."


def evaluate(
    out: Annotated[Path, typer.Option(help="Folder for metrics.json and report.html.")],
    compared: Annotated[list[str] | None, typer.Argument(metavar="[B C ...]", hidden=True)] = None,
    voice: Annotated[
        Path | None, typer.Option("--voice", help="Name of a shipped voice, or folder of one.")
    ] = None,
    compare: Annotated[str | None, typer.Option(metavar="A B C", help=_COMPARED)] = None,
    corpus: Annotated[Path | None, typer.Option(help="Corpus folder to judge against.")] = None,
    only: Annotated[
        str | None, typer.Option(help="Sections to measure: intelligibility,pitch,...")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Held-out recordings used; 150, and other counts follow it.")
    ] = None,
    seed: SeedOption = 0,
) -> None:
    """Measure a voice on held-out recordings, or compare voices: a table, metrics.json, a page."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file; give the name of a folder")
    if (voice is None) == (compare is None):
        raise ValueError("give one of --voice VOICE to measure and --compare A B to compare")
    if compare is None and compared:
        raise ValueError(f"unexpected {compared[0]!r}; voices to compare follow --compare")
    report = importlib.import_module("tts_vae.evaluation.report.voice_report")
    chosen = None if only is None else [word.strip() for word in only.split(",") if word.strip()]
    report.check_sections(chosen)
    settings = {"corpus_dir": corpus, "seed": seed, "only": chosen, "tell": say}
    settings |= {} if limit is None else {"limit": limit}
    if compare is not None:
        comparing = importlib.import_module("tts_vae.evaluation.report.compare")
        made = comparing.compare_voices([compare, *(compared or [])], out, **settings)
        _show(made.table)
        typer.echo(f"{made.page}: written")
        return
    metrics = report.evaluate_voice(voice, out, **settings)
    page = importlib.import_module("tts_vae.evaluation.report.page").write_report(out, metrics)
    _show(
        importlib.import_module("tts_vae.evaluation.report.terminal_table").metrics_table(metrics)
    )
    typer.echo(f"{out / 'metrics.json'} and {page}: written")
    if metrics["failed"]:
        raise typer.Exit(1)


def _show(table: object) -> None:
    """Print a table as wide as the terminal, or as wide as it is where nobody looks."""
    from rich.console import Console

    console = Console()
    (console if console.is_terminal else Console(width=160)).print(table)
