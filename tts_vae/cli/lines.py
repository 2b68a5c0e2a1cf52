"""``speak --file``: every line of a text file becomes a WAV file named by its number."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tts_vae.cli.options import progress
from tts_vae.cli.running import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tts_vae.synthesis.speech import Speech
    from tts_vae.synthesis.style import Style
    from tts_vae.synthesis.voice import Voice


@dataclass(frozen=True)
class Work:
    """What there is to speak.

    Attributes:
        folder: where the WAV files go.
        lines: number of a line, from 1 -> its text.
        digits: of a file's name.
        blank: numbers of the lines that hold nothing.
        kept: numbers of the lines whose WAV file is there and stays.
    """

    folder: Path
    lines: dict[int, str]
    digits: int
    blank: list[int]
    kept: list[int]

    @classmethod
    def plan(cls, file: Path, folder: Path, resume: bool) -> "Work":
        """Read the lines.

        Raises:
            ValueError: if the file cannot be read, holds nothing to speak, or the folder cannot be
                written to.
        """
        from tts_vae.synthesis.speech import check_writable

        if folder.exists() and not folder.is_dir():
            raise ValueError(f"--out {folder} is a file; give the name of a folder")
        check_writable(folder / "0001.wav")
        lines = dict(enumerate(_read(file), start=1))
        digits = max(4, len(str(len(lines))))
        blank = [number for number, line in lines.items() if not line.strip()]
        if len(blank) == len(lines):
            raise ValueError(f"{file} holds no line to speak; write one sentence or more to a line")
        there = [n for n in lines if n not in set(blank) and _path(folder, n, digits).is_file()]
        kept = there if resume else []
        left_out = {*blank, *kept}
        wanted = {number: line for number, line in lines.items() if number not in left_out}
        return cls(folder, wanted, digits, blank, kept)

    def speak(self, voice: "Voice", style: "Style", batch_size: int | None, seed: int) -> list[int]:
        """Speak every line that can be spoken, SSML where it is a document, and tell of the others.

        Returns:
            Numbers of the lines that failed.
        """
        made = self._stream(voice, style, batch_size, seed)
        seconds, failed, turned_down = 0.0, dict[int, str](), list[int]()
        for number, speech in progress(made, len(self.lines), "Speaking"):
            if isinstance(speech, ValueError):
                failed[number] = " ".join(str(speech).split())
                continue
            speech.write(_path(self.folder, number, self.digits))
            seconds += speech.duration_s
            if speech.gain_db < 0:
                turned_down.append(number)
        for number in sorted(failed):  # told at the end: the bar has the line until then
            say(f"line {number} failed: {failed[number]}")
        if self.blank:
            say(f"skipped {_count(self.blank, 'blank line')}")
        if turned_down:
            say(f"warning: turned down where it would have clipped: {_count(turned_down, 'line')}")
        spoken = len(self.lines) - len(failed)
        kept = f", {len(self.kept)} kept" if self.kept else ""
        typer.echo(
            f"{self.folder}: {spoken} spoken, {seconds:.2f} s at {voice.sample_rate} Hz, "
            f"style {style}{kept}; {len(failed)} failed"
        )
        return sorted(failed)

    def _stream(
        self, voice: "Voice", style: "Style", batch_size: int | None, seed: int
    ) -> "Iterator[tuple[int, Speech | ValueError]]":
        """Number of a line and its speech, or why there is none; documents after plain texts."""
        from tts_vae.synthesis.many_texts import BATCH_SIZE
        from tts_vae.text.ssml import is_ssml

        plain = [number for number, line in self.lines.items() if not is_ssml(line)]
        texts = [self.lines[number] for number in plain]
        for position, speech in voice.stream_many(texts, style, batch_size or BATCH_SIZE, seed):
            yield plain[position], speech
        for number in sorted(set(self.lines) - set(plain)):
            try:
                yield number, voice.speak_ssml(self.lines[number], style, seed)
            except ValueError as error:
                yield number, error


def _read(file: Path) -> list[str]:
    import sys

    if str(file) == "-":
        text = sys.stdin.read()
    else:
        try:
            text = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(f"{file} is not UTF-8 ({error.reason}); save it as UTF-8") from None
    lines = text.split("\n")  # splitlines would cut at form feeds and other separators too
    return lines[:-1] if not lines[-1] else lines


def _path(folder: Path, number: int, digits: int) -> Path:
    return folder / f"{number:0{digits}d}.wav"


def _count(numbers: list[int], what: str) -> str:
    shown = ", ".join(map(str, numbers[:10])) + (", ..." if len(numbers) > 10 else "")
    return f"{len(numbers)} {what}{'s' if len(numbers) > 1 else ''}: {shown}"
