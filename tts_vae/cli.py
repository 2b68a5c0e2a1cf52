"""The command line: tts-vae prepare | train | speak | interpolate | evaluate.

Every mistake of a user is one line on standard error that says what to do, and exit code 2; set
``TTS_VAE_DEBUG=1`` to see the traceback. Heavy imports wait until a command needs them.
"""

import importlib
import inspect
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

if TYPE_CHECKING:
    from tts_vae.synthesis.speech import Speech

INTERRUPTED = 130
T = TypeVar("T")

app = typer.Typer(
    add_completion=False,
    help="Text-to-speech whose speaking style is a latent variable you can choose.",
    rich_markup_mode=None,
)

VoiceOption = Annotated[Path, typer.Option("--voice", help="Folder of a trained voice.")]
SeedOption = Annotated[int, typer.Option(help="Same seed, same waveform.")]
ThreadsOption = Annotated[int | None, typer.Option(help="CPU threads.")]
TextArgument = Annotated[str, typer.Argument(help="What to say; - reads standard input.")]


@app.command()
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


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def train(context: typer.Context) -> None:
    """Train a voice: experiment=espeak/parallel_gmvae [KEY=VALUE ...], as configs/ names them."""
    for override in context.args:
        if "=" not in override and not override.startswith("~"):
            raise ValueError(
                f"{override!r} is not an override; write KEY=VALUE, "
                "such as experiment=espeak/parallel_gmvae or steps=500"
            )
    importlib.import_module("recipes.train").train(list(context.args))


@app.command()
def speak(
    text: TextArgument,
    voice: VoiceOption,
    out: Annotated[str, typer.Option(help="WAV file to write; - for standard output.")],
    speaker: Annotated[str | None, typer.Option(help="Whose voice.")] = None,
    component: Annotated[str | None, typer.Option(help="Component of the prosody.")] = None,
    reference: Annotated[str | None, typer.Option(help="Recording whose style to take.")] = None,
    vector: Annotated[str | None, typer.Option(help="Raw latent value: 0.1,-0.5,...")] = None,
    prior: Annotated[str | None, typer.Option(help="Seed of a draw from the prior.")] = None,
    temperature: Annotated[str | None, typer.Option(help="Spread of --prior.")] = None,
    pitch: Annotated[str | None, typer.Option(help="Semitones up: +2st.")] = None,
    rate: Annotated[str | None, typer.Option(help="Speaking rate: 1.2.")] = None,
    energy: Annotated[str | None, typer.Option(help="Louder by: +3dB.")] = None,
    seed: SeedOption = 0,
    threads: ThreadsOption = None,
) -> None:
    """Speak a text in a chosen style."""
    from tts_vae.synthesis.style_words import parse_value

    words = {"speaker": speaker, "component": component, "reference": reference, "vector": vector}
    words |= {"prior": prior, "temperature": temperature}
    words |= {"pitch_st": pitch, "rate": rate, "energy_db": energy}
    chosen = {word: parse_value(word, v) for word, v in words.items() if v is not None}

    from tts_vae.synthesis.speech import check_writable, write_speeches
    from tts_vae.synthesis.voice import Voice

    if out != "-":
        check_writable(out)
    loaded = Voice.load(voice, threads=threads)
    style = loaded.style(**chosen)
    sentences = loaded.phonemize(_text(text))
    spoken: list[tuple[float, float]] = []  # seconds and gain of each sentence
    speeches = loaded.speak_phones(sentences, style, seed)
    counted = _noting(_progress(speeches, len(sentences), "Speaking"), spoken)
    if out == "-":
        _write_stdout(counted)
    else:
        write_speeches(out, counted)
    seconds, gain_db = sum(s for s, _ in spoken), min(g for _, g in spoken)
    if gain_db < 0:
        _line(f"warning: turned down by {-gain_db:.1f} dB where it would have clipped")
    summary = f"{out}: {seconds:.2f} s at {loaded.sample_rate} Hz, style {style}"
    typer.echo(summary, err=out == "-")


@app.command()
def interpolate(
    text: TextArgument,
    voice: VoiceOption,
    start: Annotated[str, typer.Option("--from", help="Style: component=3,pitch_st=2,...")],
    end: Annotated[str, typer.Option("--to", help="Style, in the same words.")],
    out: Annotated[Path, typer.Option(help="Folder for 00.wav, 01.wav, ...")],
    steps: Annotated[int, typer.Option(help="How many, both ends included.")] = 9,
    seed: SeedOption = 0,
    threads: ThreadsOption = None,
) -> None:
    """Speak a text at equal steps between two styles."""
    from tts_vae.synthesis.style_words import parse_style

    ends = [parse_style(start), parse_style(end)]

    from tts_vae.synthesis.interpolation import interpolate as steps_between
    from tts_vae.synthesis.speech import check_writable
    from tts_vae.synthesis.voice import Voice

    check_writable(out / "00.wav")
    loaded = Voice.load(voice, threads=threads)
    first, last = (loaded.style(**words) for words in ends)
    points = steps_between(loaded, _text(text), first, last, steps=steps, seed=seed)
    for number, point in enumerate(_progress(points, steps, "Speaking")):
        path = point.speech.write(out / f"{number:02d}.wav")
        typer.echo(f"{path}: step {point.step:.3f}, {point.speech.duration_s:.2f} s")


@app.command()
def evaluate(
    voice: VoiceOption,
    out: Annotated[Path, typer.Option(help="Folder for metrics.json.")],
    corpus: Annotated[Path | None, typer.Option(help="Corpus folder to judge against.")] = None,
) -> None:
    """Measure a voice: intelligibility, and that every choice of style changes the output."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file; give the name of a folder")
    report = importlib.import_module("tts_vae.evaluation.voice_report")
    report.evaluate_voice(voice, out, corpus_dir=corpus)
    typer.echo(f"{out / 'metrics.json'}: written")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        argv: arguments without the program's name; None takes those of the process.

    Returns:
        Exit code: 0, 2 after a mistake of the user, 130 after an interruption.
    """
    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    command = typer.main.get_command(app)
    return run(lambda: command.main(arguments, prog_name="tts-vae", standalone_mode=False))


def run(action: Callable[[], Any]) -> int:
    """Run a program's work; mistakes of the user become one line on standard error.

    Args:
        action: the work; an int it returns is the exit code.

    Returns:
        Exit code: 0, 2 after a mistake of the user, 130 after an interruption.
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
            _line(f"error: {message}")
            return 2
    if code == INTERRUPTED:
        _line("interrupted; nothing half-written was left")
    return code if isinstance(code, int) else 0


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
    package = str(Path(__file__).parent)

    def show(message: Warning | str, category: type, filename: str, *rest: Any) -> None:
        if filename.startswith(package):
            _line(f"warning: {message}")
        else:
            original(message, category, filename, *rest)

    return show


def _line(message: str) -> None:
    typer.echo(f"tts-vae: {message}", err=True)


def _text(text: str) -> str:
    return sys.stdin.read() if text == "-" else text


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _options(function: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name not in ("root", "out")]


def _subset(options: dict[str, Any], function: Callable[..., Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in _options(function)}


def _count(value: Any) -> Any:
    return value.get("utterances", value) if isinstance(value, dict) else value


def _progress(items: Iterable[T], total: int, description: str) -> Iterable[T]:
    """A bar on standard error, if somebody sees it and it would move."""
    if total < 2 or not sys.stderr.isatty():
        return items
    from rich.console import Console
    from rich.progress import track

    return track(items, description, total=total, console=Console(stderr=True), transient=True)


def _noting(speeches: Iterable["Speech"], spoken: list[tuple[float, float]]) -> Iterator["Speech"]:
    for speech in speeches:
        spoken.append((speech.duration_s, speech.gain_db))
        yield speech


def _write_stdout(speeches: Iterable["Speech"]) -> None:
    import tempfile

    from tts_vae.synthesis.speech import write_speeches

    with tempfile.TemporaryDirectory() as folder:
        path = write_speeches(Path(folder) / "speech.wav", speeches)
        sys.stdout.buffer.write(path.read_bytes())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
