"""Running a program's work: the user's mistakes become one line, defects of ours stay seen."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

INTERRUPTED = 130


def run(action: Callable[[], Any]) -> int:
    """Run a program's work; mistakes of the user become one line on standard error.

    Args:
        action: the work; an int it returns is the exit code.

    Returns:
        Exit code: 0, 2 after a mistake of the user, 130 after an interruption, or the action's.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("default", category=UserWarning, module=r"tts_vae\.")
        warnings.showwarning = _show_warning(warnings.showwarning)
        try:
            code = action()
        except (KeyboardInterrupt, typer.Abort):
            code = INTERRUPTED
        except Exception as error:
            message = _user_message(error)
            if message is None or os.environ.get("TTS_VAE_DEBUG"):
                raise
            say(f"error: {message}")
            return 2
    if code == INTERRUPTED:
        say("interrupted; nothing half-written was left")
    return code if isinstance(code, int) else 0


def say(message: str) -> None:
    """One line of the program on standard error."""
    typer.echo(f"tts-vae: {message}", err=True)


def _user_message(error: Exception) -> str | None:
    """One line for a mistake of the user; None for a defect of ours."""
    if hasattr(error, "format_message"):  # the command line itself was wrong
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "tts-vae"
        return f"{' '.join(error.format_message().split())} See `{path} --help`."
    configuration = type(error).__module__.split(".")[0] in ("hydra", "omegaconf")
    if configuration or isinstance(error, ValueError | OSError | ImportError | FloatingPointError):
        return " ".join(str(error).split()) or type(error).__name__
    return None


def _show_warning(original: Callable[..., None]) -> Callable[..., None]:
    package = str(Path(__file__).parents[1])

    def show(message: Warning | str, category: type, filename: str, *rest: Any) -> None:
        if filename.startswith(package) or category.__module__.startswith("tts_vae."):
            say(f"warning: {message}")
        else:
            original(message, category, filename, *rest)

    return show
