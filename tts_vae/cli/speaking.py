"""Commands that speak: speak; and voices, which lists who can."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tts_vae.cli.options import (
    SeedOption,
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
    style: Annotated[
        str | None, typer.Option("--style", help="Name of a style saved with the voice.")
    ] = None,
    speaker: Annotated[str | None, typer.Option(help="Whose voice.")] = None,
    component: Annotated[str | None, typer.Option(help="Component of the prosody.")] = None,
    reference: Annotated[str | None, typer.Option(help="Recording whose style to take.")] = None,
    vector: Annotated[str | None, typer.Option(help="Raw latent value: 0.1,-0.5,...")] = None,
    prior: Annotated[str | None, typer.Option(help="Seed of a draw from the prior.")] = None,
    temperature: Annotated[str | None, typer.Option(help="Spread of --prior.")] = None,
    pitch: Annotated[str | None, typer.Option(help="Semitones up: +2st.")] = None,
    pitch_range: Annotated[
        str | None, typer.Option("--range", help="Livelier (1.5) or flatter (0.5) pitch.")
    ] = None,
    rate: Annotated[str | None, typer.Option(help="Speaking rate: 1.2.")] = None,
    energy: Annotated[str | None, typer.Option(help="Louder by: +3dB.")] = None,
    pause: Annotated[str | None, typer.Option(help="Length of pauses: 2.")] = None,
    route: Annotated[
        str | None,
        typer.Option(help="How a control is reached: explicit (contours) or latent (z)."),
    ] = None,
    uncalibrated: Annotated[
        bool, typer.Option("--uncalibrated", help="Controls are shifts, not what is heard.")
    ] = False,
    ssml: Annotated[
        bool,
        typer.Option("--ssml", help="The text is SSML, as if it began with <speak."),
    ] = False,
    textgrid: Annotated[
        Path | None, typer.Option("--textgrid", help="Praat TextGrid to write: phones and words.")
    ] = None,
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

    words = {"name": style, "speaker": speaker, "component": component, "reference": reference}
    words |= {"vector": vector, "prior": prior, "temperature": temperature}
    words |= {"pitch_st": pitch, "pitch_range": pitch_range, "rate": rate, "energy_db": energy}
    words |= {"pause": pause, "route": route, "calibrated": "no" if uncalibrated else None}
    chosen = {word: parse_value(word, v) for word, v in words.items() if v is not None}
    if (text is None) == (file is None):
        raise ValueError("give a text to speak (- reads standard input), or --file LINES.txt")
    if file is None and (resume or batch_size is not None):
        raise ValueError(
            "--resume and --batch-size are for --file LINES.txt; add it or leave them out"
        )

    if file is not None:
        if ssml:
            raise ValueError(
                "--ssml is for one document; in --file every line that begins with <speak is one"
            )
        if textgrid is not None:
            raise ValueError("--textgrid is for one text: give it in place of --file")
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
    if textgrid is not None:
        from tts_vae.synthesis.speech import check_writable

        check_writable(textgrid)
    loaded = _load(voice, vocoder, threads)
    read = read_text(text)
    chosen_style = loaded.style(**chosen)
    _speak_one(loaded, read, chosen_style, out or "speech.wav", seed, ssml, textgrid)


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


def _speak_one(
    voice: "Voice",
    text: str,
    style: "Style",
    out: str,
    seed: int,
    ssml: bool,
    textgrid: Path | None,
) -> None:
    from tts_vae.synthesis.speech import write_speeches

    count, speeches = _sentences(voice, text, style, seed, ssml)
    spoken: list[tuple[float, float]] = []  # seconds and gain of each sentence
    counted: Iterable[Speech] = _noting(progress(speeches, count, "Speaking"), spoken)
    timed: list[Speech] = []
    if textgrid is not None:
        counted = _timing(counted, timed)
    if out == "-":
        _write_stdout(counted)
    else:
        write_speeches(out, counted)
    if textgrid is not None:
        _write_textgrid(textgrid, voice, "" if ssml else text, timed)
    seconds, gain_db = sum(s for s, _ in spoken), min(g for _, g in spoken)
    if gain_db < 0:
        say(f"warning: turned down by {-gain_db:.1f} dB where it would have clipped")
    summary = f"{out}: {seconds:.2f} s at {voice.sample_rate} Hz, style {style}"
    typer.echo(summary, err=out == "-")


def _sentences(
    voice: "Voice", text: str, style: "Style", seed: int, ssml: bool
) -> tuple[int, Iterator["Speech"]]:
    """How many sentences there are, and what speaks them one by one."""
    from tts_vae.text.ssml import is_ssml, parse_ssml

    if ssml or is_ssml(text):
        from tts_vae.synthesis.ssml_speaking import SsmlSpeaker

        document = parse_ssml(text)
        return len(document), SsmlSpeaker(voice, style).stream(document, seed)
    sentences = voice.phonemize(text)
    return len(sentences), voice.speak_phones(sentences, style, seed)


def _noting(speeches: Iterable["Speech"], spoken: list[tuple[float, float]]) -> Iterator["Speech"]:
    for speech in speeches:
        spoken.append((speech.duration_s, speech.gain_db))
        yield speech


def _timing(speeches: Iterable["Speech"], timed: list["Speech"]) -> Iterator["Speech"]:
    """Keeps what a TextGrid needs of every sentence, without its sound."""
    from dataclasses import replace

    for speech in speeches:
        none = speech.waveform[:0].copy(), speech.mels[:0].copy()
        timed.append(replace(speech, waveform=none[0], mels=none[1]))
        yield speech


def _write_textgrid(path: Path, voice: "Voice", text: str, timed: list["Speech"]) -> None:
    """Phones, and words where the text is plain: those of SSML lie between its tags."""
    from tts_vae.synthesis.speech import concatenate
    from tts_vae.synthesis.textgrid import words_in, write_textgrid
    from tts_vae.text.ssml import is_ssml

    speech = concatenate(timed)
    words = () if not text or is_ssml(text) else words_in(voice, text)
    write_textgrid(path, speech, words)


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
