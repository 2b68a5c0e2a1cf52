import numpy as np
import pytest
from tiny_voice import write_tiny_voice

from tts_vae.synthesis.interpolation import interpolate
from tts_vae.synthesis.voice import Voice

TEXT = "Hello there."


def test_steps_lead_from_one_style_to_the_other(voice):
    start, end = voice.style(component=0), voice.style(component=2, rate=1.4, pitch_st=4)
    points = list(interpolate(voice, TEXT, start, end, steps=5))
    assert [point.step for point in points] == [0, 0.25, 0.5, 0.75, 1]
    assert points[0].style == start and points[-1].style == end
    assert len({point.speech.phones for point in points}) == 1
    for point, style in ((points[0], start), (points[-1], end)):
        assert np.array_equal(point.speech.waveform, voice.speak(TEXT, style).waveform)
    lengths = [len(point.speech.mels) for point in points]
    assert lengths[0] > lengths[-1]
    pitch = np.stack([point.speech.pitch_st for point in points]).mean(1)
    assert np.all(np.diff(pitch) > 0)


def test_each_step_moves(voice):
    points = interpolate(voice, TEXT, voice.style(speaker="anna"), voice.style(speaker="bert"), 4)
    mels = [speech.mels for _, _, speech in points]
    for before, after in zip(mels, mels[1:], strict=False):
        frames = min(len(before), len(after))
        assert np.abs(before[:frames] - after[:frames]).max() > 1e-4


def test_errors_come_at_the_call(voice, tmp_path):
    style = voice.style()
    with pytest.raises(ValueError, match="steps must be 2 or more"):
        interpolate(voice, TEXT, style, style, steps=1)
    with pytest.raises(ValueError, match="expected text"):
        interpolate(voice, "?", style, style)
    other = Voice.load(write_tiny_voice(tmp_path / "v", speakers=("anna",))).style()
    with pytest.raises(ValueError, match="different voices"):
        interpolate(voice, TEXT, style, other)
    with pytest.raises(ValueError, match="another voice"):
        interpolate(voice, TEXT, other, other)
