"""The program ``tts-vae``: commands that join the command line to the library.

Every mistake of the user is one line on standard error that says what to do, and exit code 2; set
``TTS_VAE_DEBUG=1`` to see the traceback. Heavy imports wait until a command needs them.
"""

import gc
import sys
from collections.abc import Sequence

import typer

from tts_vae.cli import (
    calibrating,
    evaluating,
    exploring,
    exporting,
    interpolating,
    making,
    speaking,
    styling,
)
from tts_vae.cli.running import run

__all__ = ["app", "main", "run"]

app = typer.Typer(
    add_completion=False,
    help="Text-to-speech whose speaking style is a latent variable you can choose.",
    rich_markup_mode=None,
)
for command in (speaking.speak, interpolating.interpolate, speaking.voices):
    app.command()(command)
app.command()(making.prepare)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    making.train
)
app.command()(calibrating.calibrate)
app.command()(evaluating.evaluate)
app.command()(styling.styles)
app.command()(exporting.export)
app.command()(exploring.explore)

_BRIEF = {"speak", "interpolate", "voices"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        argv: arguments without the program's name; None takes those of the process.

    Returns:
        Exit code: 0, 1 if a part of the work failed, 2 after a mistake of the user, 130 after an
        interruption.
    """
    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    command = typer.main.get_command(app)
    brief = argv is None and arguments[0] in _BRIEF
    if brief:  # imports make many objects and no garbage: looking for it is 0.1 s of nothing
        gc.set_threshold(100_000, 20, 20)
    code = run(lambda: command.main(arguments, prog_name="tts-vae", standalone_mode=False))
    if brief:  # else the end of the process searches torch's million objects for cycles, 0.4 s
        gc.freeze()
    return code
