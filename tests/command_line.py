"""A command line as a function, and the waveforms it leaves."""

import soundfile

from tts_vae.cli import main


def commands(capsys):
    """Run a command line in this process: call(*arguments) -> (exit code, stdout, stderr)."""

    def call(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def samples(path):
    """The int16 samples of one channel at the rate of every voice here."""
    waveform, rate = soundfile.read(path, dtype="int16")
    assert rate == 22050 and waveform.ndim == 1
    return waveform
