"""Commands that speak: speak, interpolate; and voices, which lists who can."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tts_vae.cli.options import (
    SeedOption,
    TextArgument,
    ThreadsOption,
    VocoderOption,
    VoiceOption,
    progress,
    read_text,
)
from tts_vae.cli.running import say

if TYPE_CHECKING:
    from tts_vae.synthesis.speech import Speech
    from tts_vae.synthesis.style import Style
    from tts_vae.synthesis.voice import Voice


def speak(
    text: Annotated[str | None, typer.Argument(help="What to say; - reads standard input.")] = None,
    voice: VoiceOption = None,
    out: Annotated[
        str | None,
        typer.Option(
            help="WAV file to write, speech.wav if left out; - for standard output. "
            "With --file: folder for 0001.wav, ..."
        ),
    ] = None,
    speaker: Annotated[str | None, typer.Option(help="Whose voice.")] = None,
    component: Annotated[str | None, typer.Option(help="Component of the prosody.")] = None,
    reference: Annotated[str | None, typer.Option(help="Recording whose style to take.")] = None,
    vector: Annotated[str | None, typer.Option(help="Raw latent value: 0.1,-0.5,...")] = None,
    prior: Annotated[str | None, typer.Option(help="Seed of a draw from the prior.")] = None,
    temperature: Annotated[str | None, typer.Option(help="Spread of --prior.")] = None,
    pitch: Annotated[str | None, typer.Option(help="Semitones up: +2st.")] = None,
    rate: Annotated[str | None, typer.Option(help="Speaking rate: 1.2.")] = None,
    energy: Annotated[str | None, typer.Option(help="Louder by: +3dB.")] = None,
    vocoder: VocoderOption = None,
    file: Annotated[
        Path | None, typer.Option(help="Text file: every line becomes a WAV file in --out.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="With --file: keep the WAV files that are there.")
    ] = False,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="With --file: sentences spoken at once.")
    ] = None,
    seed: SeedOption = 0,
    threads: ThreadsOption = None,
) -> None:
    """Speak a text, or every line of a file, in a chosen style."""
    from tts_vae.synthesis.style_words import parse_value

    words = {"speaker": speaker, "component": component, "reference": reference, "vector": vector}
    words |= {"prior": prior, "temperature": temperature}
    words |= {"pitch_st": pitch, "rate": rate, "energy_db": energy}
    chosen = {word: parse_value(word, v) for word, v in words.items() if v is not None}
    if (text is None) == (file is None):
        raise ValueError("give a text to speak (- reads standard input), or --file LINES.txt")
    if file is None and (resume or batch_size is not None):
        raise ValueError(
            "--resume and --batch-size are for --file LINES.txt; add it or leave them out"
        )

    if file is not None:
        from tts_vae.cli.lines import Work

        if out is None or out == "-":
            raise ValueError("--file writes a WAV file for each line; give a folder with --out DIR")
        work = Work.plan(file, Path(out), resume)
        loaded = _load(voice, vocoder, threads)
        if work.speak(loaded, loaded.style(**chosen), batch_size, seed):
            raise typer.Exit(1)
        return
    assert text is not None
    _check_output(out or "speech.wav")
    loaded = _load(voice, vocoder, threads)
    _speak_one(loaded, read_text(text), loaded.style(**chosen), out or "speech.wav", seed)


def interpolate(
    text: TextArgument,
    start: Annotated[str, typer.Option("--from", help="Style: component=3,pitch_st=2,...")],
    end: Annotated[str, typer.Option("--to", help="Style, in the same words.")],
    out: Annotated[Path, typer.Option(help="Folder for 00.wav, 01.wav, ...")],
    voice: VoiceOption = None,
    steps: Annotated[int, typer.Option(help="How many, both ends included.")] = 9,
    vocoder: VocoderOption = None,
    seed: SeedOption = 0,
    threads: ThreadsOption = None,
) -> None:
    """Speak a text at equal steps between two styles."""
    from tts_vae.synthesis.style_words import parse_style

    ends = [parse_style(start), parse_style(end)]

    from tts_vae.synthesis.interpolation import interpolate as steps_between
    from tts_vae.synthesis.speech import check_writable

    check_writable(out / "00.wav")
    loaded = _load(voice, vocoder, threads)
    first, last = (loaded.style(**words) for words in ends)
    points = steps_between(loaded, read_text(text), first, last, steps=steps, seed=seed)
    for number, point in enumerate(progress(points, steps, "Speaking")):
        path = point.speech.write(out / f"{number:02d}.wav")
        typer.echo(f"{path}: step {point.step:.3f}, {point.speech.duration_s:.2f} s")


def voices() -> None:
    """List the voices that come with the package and those found nearby."""
    from tts_vae.synthesis.voice_folders import (
        HOW_TO_TRAIN,
        describe_voice,
        nearby_voices,
        shipped_voices,
    )

    shipped = list(shipped_voices().values())
    known = {folder.resolve() for folder in shipped}
    nearby = [folder for folder in nearby_voices() if folder.resolve() not in known]
    rows = [("voice", "corpus", "speakers", "size", "vocoder", "licence")]
    for folder in [*shipped, *nearby]:
        try:
            about = describe_voice(folder, shipped=folder in shipped)
        except ValueError as error:
            say(f"warning: {error}")
            continue
        vocoder = "own" if about.vocoder else "griffin-lim"
        size = f"{about.size / 1e6:.1f} MB"
        count = str(len(about.speakers))
        row = (about.name, about.corpus or "?", count, size, vocoder, about.licence or "?")
        rows.append(row)
    if len(rows) == 1:
        typer.echo(f"no voice comes with this installation and none is nearby; {HOW_TO_TRAIN}")
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _load(voice: Path | None, vocoder: str | None, threads: int | None) -> "Voice":
    from tts_vae.synthesis.voice import Voice

    return Voice.load(voice, vocoder=vocoder, threads=threads)


def _check_output(out: str) -> None:
    """Find out before the voice is loaded that nothing can be written."""
    if out == "-":
        if sys.stdout.isatty():
            raise ValueError(
                "a WAV file is no text for a terminal; pipe it on (... --out - | aplay) or give a "
                "file with --out FILE.wav"
            )
        return
    from tts_vae.synthesis.speech import check_writable

    check_writable(out)


def _speak_one(voice: "Voice", text: str, style: "Style", out: str, seed: int) -> None:
    from tts_vae.synthesis.speech import write_speeches

    sentences = voice.phonemize(text)
    spoken: list[tuple[float, float]] = []  # seconds and gain of each sentence
    speeches = voice.speak_phones(sentences, style, seed)
    counted = _noting(progress(speeches, len(sentences), "Speaking"), spoken)
    if out == "-":
        _write_stdout(counted)
    else:
        write_speeches(out, counted)
    seconds, gain_db = sum(s for s, _ in spoken), min(g for _, g in spoken)
    if gain_db < 0:
        say(f"warning: turned down by {-gain_db:.1f} dB where it would have clipped")
    summary = f"{out}: {seconds:.2f} s at {voice.sample_rate} Hz, style {style}"
    typer.echo(summary, err=out == "-")


def _noting(speeches: Iterable["Speech"], spoken: list[tuple[float, float]]) -> Iterator["Speech"]:
    for speech in speeches:
        spoken.append((speech.duration_s, speech.gain_db))
        yield speech


def _write_stdout(speeches: Iterable["Speech"]) -> None:
    """A WAV file begins with its length, so it is complete before it is passed on."""
    import shutil
    import tempfile

    from tts_vae.synthesis.speech import write_speeches

    with tempfile.TemporaryDirectory() as folder:
        path = write_speeches(Path(folder) / "speech.wav", speeches)
        with open(path, "rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
