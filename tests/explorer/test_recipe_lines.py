"""The law of the recipe: what it says makes the sound of the page, bit for bit."""

import os
import shlex
from dataclasses import replace

import pytest
from tiny_voice import sweep

from tts_vae.cli import main
from tts_vae.explorer.audio_bytes import wav_bytes
from tts_vae.explorer.choice import Choice, Recorded, Start
from tts_vae.explorer.recipe_lines import Between, Request, command_line, python_lines

TEXT = "Hello there, my friend."
USUAL = Choice("bert")
MOVED = Choice(
    "carl",
    Start("component 1", {"component": 1}),
    (0.3, 0.0, -1.234567, 0.1),
    {"pitch_st": 2.5, "pitch_range": 1.5, "rate": 1.25, "energy_db": -3.0, "pause": 2.0},
)
CHOICES = {
    "usual": USUAL,
    "moved": MOVED,
    "component": Choice("anna", Start("", {"component": 2}), controls={"rate": 0.8}),
    "draw": Choice("anna", Start("", {"prior": 7}), more={"calibrated": False}),
    "uncalibrated": Choice("anna", controls={"pitch_st": -2.0}, more={"calibrated": False}),
    "between": Between(USUAL, MOVED, 3, 9),
    "ridge": Between(USUAL, replace(MOVED, controls={}), 5, 9, "ridge"),
}
SSML = '<speak>Hello <prosody rate="slow">there</prosody>, my friend.</speak>'


def sound(opened, request):
    return wav_bytes(opened.speak(request))


@pytest.mark.parametrize("name", CHOICES)
def test_the_command_line_writes_the_same_file(opened, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    request = Request(str(opened.folder), 'It\'s -5 & "more".', CHOICES[name], seed=3)
    command = shlex.split(command_line(opened.voice, request), comments=True)
    assert command[0] == "tts-vae"
    between = isinstance(request.style, Between)
    assert main(command[1:]) == 0
    path = f"steps/{request.style.step:02d}.wav" if between else "speech.wav"
    assert (tmp_path / path).read_bytes() == sound(opened, request)


@pytest.mark.parametrize("text", [TEXT, SSML])
@pytest.mark.parametrize("name", CHOICES)
def test_the_python_lines_write_the_same_file(opened, tmp_path, monkeypatch, name, text):
    monkeypatch.chdir(tmp_path)
    request = Request(str(opened.folder), text, CHOICES[name], seed=3)
    exec(python_lines(opened.voice, request), {})
    assert (tmp_path / "speech.wav").read_bytes() == sound(opened, request)


def test_all_steps_are_written(opened, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    way = Between(USUAL, MOVED, 0, 4)
    request = Request(str(opened.folder), TEXT, way)
    exec(python_lines(opened.voice, request, every=True), {})
    for step in range(4):
        made = (tmp_path / f"steps/{step:02d}.wav").read_bytes()
        assert made == sound(opened, replace(request, style=replace(way, step=step)))
    assert "steps/00.wav to 03.wav" in command_line(opened.voice, request, every=True)


def test_the_speaker_of_a_recording_is_made_again_in_python(opened, tmp_path, monkeypatch):
    import soundfile

    monkeypatch.chdir(tmp_path)
    soundfile.write("clip.wav", sweep(1.2, 22050), 22050)
    style = opened.voice.style(reference="clip.wav")
    recorded = Recorded("clip.wav", style)
    choice = Choice(None, MOVED.start, MOVED.shifts, {"rate": 1.2}, recorded=recorded)
    request = Request(str(opened.folder), TEXT, choice)
    assert command_line(opened.voice, request).startswith("# ")
    exec(python_lines(opened.voice, request), {})
    assert (tmp_path / "speech.wav").read_bytes() == sound(opened, request)
    plain = replace(choice, recorded=None, speaker="anna")
    assert sound(opened, request) != sound(opened, replace(request, style=plain))


def test_threads_seed_and_vocoder_are_told(opened):
    request = Request("espeak", TEXT, USUAL, seed=4, threads=2, vocoder="griffin-lim")
    command = command_line(opened.voice, request)
    assert "--seed 4 --threads 2 --vocoder griffin-lim -- " in command
    lines = python_lines(opened.voice, request)
    assert "Voice.load('espeak', vocoder='griffin-lim', threads=2)" in lines and "seed=4" in lines


def test_a_text_is_quoted_for_the_shell(opened):
    request = Request("espeak", "$(rm -rf ~); `ls` 'it'", USUAL)
    assert shlex.split(command_line(opened.voice, request))[-1] == request.text
    assert os.linesep not in command_line(opened.voice, request)
