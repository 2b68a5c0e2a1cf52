"""Commands that make a voice: prepare, train."""

import importlib
import inspect
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer


def prepare(
    corpus: Annotated[Literal["espeak", "ljspeech", "vctk"], typer.Argument()],
    out: Annotated[Path, typer.Option(help="Corpus folder to write.")],
    root: Annotated[
        Path | None, typer.Option(help="Folder of the published corpus; else it is downloaded.")
    ] = None,
    utterances: Annotated[int | None, typer.Option(help="espeak: how many to speak.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything drawn at random.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes; one per core if left out.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Use only so many clips.")] = None,
    microphone: Annotated[str | None, typer.Option(help="vctk: mic1 or mic2.")] = None,
    noise_share: Annotated[
        float | None, typer.Option(help="espeak: share of utterances with noise.")
    ] = None,
    always_noisy: Annotated[
        str | None, typer.Option(help="espeak: who is never heard without noise: f2,m2.")
    ] = None,
) -> None:
    """Make a corpus ready for training; what is unusable is named and skipped."""
    logging.basicConfig(level=logging.WARNING, format="tts-vae: %(levelname)s: %(message)s")
    module = importlib.import_module(f"tts_vae.corpora.{corpus}")
    given = {
        "utterances": utterances,
        "seed": seed,
        "workers": workers,
        "limit": limit,
        "microphone": microphone,
        "noise_share": noise_share,
        "always_noisy": always_noisy.split(",") if always_noisy else None,
    }
    options = {name: value for name, value in given.items() if value is not None}
    known = {name for f in (module.obtain, module.prepare) for name in _options(f)}
    unknown = sorted(set(options) - known)
    if unknown:
        valid = ", ".join(map(_flag, (name for name in given if name in known)))
        raise ValueError(f"prepare {corpus} has no option {_flag(unknown[0])}; it has {valid}")
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file; give the name of a folder")
    if root is not None and corpus == "espeak":
        raise ValueError("prepare espeak makes its recordings in --out; leave --root out")
    if root is None:
        where = out if corpus == "espeak" else out.with_name(f"{out.name}-download")
        root = module.obtain(where, **_subset(options, module.obtain))
    summary = module.prepare(root, out, **_subset(options, module.prepare))
    splits = ", ".join(f"{split} {_count(value)}" for split, value in summary["splits"].items())
    typer.echo(
        f"{out}: {summary['name']}, {summary['hours']:.2f} h, {len(summary['speakers'])} "
        f"speakers, {splits}; skipped {len(summary['skipped'])}"
    )


def train(context: typer.Context) -> None:
    """Train a voice: experiment=espeak/parallel_gmvae [KEY=VALUE ...], as configs/ names them."""
    for override in context.args:
        if "=" not in override and not override.startswith("~"):
            raise ValueError(
                f"{override!r} is not an override; write KEY=VALUE, "
                "such as experiment=espeak/parallel_gmvae or steps=500"
            )
    importlib.import_module("recipes.train").train(list(context.args))


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _options(function: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name not in ("root", "out")]


def _subset(options: dict[str, Any], function: Callable[..., Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in _options(function)}


def _count(value: Any) -> Any:
    return value.get("utterances", value) if isinstance(value, dict) else value
