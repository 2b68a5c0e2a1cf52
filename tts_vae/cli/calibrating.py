"""The command that makes a voice's controls say what they do: calibrate."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_vae.cli.options import NeededVoice, progress
from tts_vae.cli.running import say

if TYPE_CHECKING:
    from tts_vae.evaluation.controls.calibrating import Calibrated


def calibrate(
    voice: NeededVoice,
    out: Annotated[
        Path | None, typer.Option(help="Folder for a calibrated copy; else the voice itself.")
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(help="Corpus folder; that of the voice's training if left out.")
    ] = None,
    sentences: Annotated[int, typer.Option(help="Sentences of each speaker.")] = 6,
    seed: Annotated[int, typer.Option(help="Which sentences.")] = 0,
) -> None:
    """Measure what a voice's controls do, so that asking for +2 st gives +2 st; some minutes."""
    from tts_vae.evaluation.controls.calibrating import calibrate_voice

    done = calibrate_voice(voice, out, corpus, sentences, seed, _progress)
    typer.echo("\n".join(_table(done)))
    if done.why_no_directions:
        say(f"no latent route: {done.why_no_directions}")
    typer.echo(f"{done.folder}: calibrated")


def _progress(items: Iterable[int], total: int, description: str) -> Iterable[int]:
    return progress(items, total, description)


def _table(done: "Calibrated") -> list[str]:
    """What can be asked for and how far off it is, on sentences that were not fitted to."""
    from tts_vae.synthesis.calibration import ANYBODY, Calibration, shown

    fitted = Calibration(done.calibration)
    speakers = [name for name in done.calibration["speakers"] if name != ANYBODY] or [ANYBODY]
    rows = [("control", "range for every speaker", "error", "P95")]
    for name in fitted.attributes:
        limits = [fitted.limits(name, speaker) for speaker in speakers]
        low, high = max(low for low, _ in limits), min(high for _, high in limits)
        rows.append((name, _span(shown(name, low), shown(name, high)), *_errors(name, fitted)))
    for name, row in (done.directions or {"attributes": {}})["attributes"].items():
        ends = [_ends(name, row["requested"][i]) for i in (0, -1)]
        rows.append((f"{name} by latent", _span(*ends), *_written(name, row["error"])))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return ["  ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True)) for r in rows]


def _ends(name: str, scaled: float) -> str:
    from tts_vae.synthesis.calibration import from_scale, shown

    return shown(name, from_scale(name, scaled))


def _span(low: str, high: str) -> str:
    return f"{low} to {high}"


def _errors(name: str, fitted: Any) -> tuple[str, str]:
    return _written(name, fitted.error(name))


def _written(name: str, error: dict[str, float]) -> tuple[str, str]:
    """Mean and 95th percentile in the unit of the control; factors in percent."""
    from tts_vae.synthesis.controls import CONTROLS

    if "mae" not in error:
        return "unknown", "unknown"
    scale = CONTROLS[name]
    if scale.factor:
        mean, most = (f"{100 * (2 ** error[key] - 1):.1f} %" for key in ("mae", "p95"))
    else:
        mean, most = (f"{error[key]:.2f} {scale.unit}" for key in ("mae", "p95"))
    return mean, most
