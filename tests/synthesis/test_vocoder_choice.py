import numpy as np
import pytest
import torch
from tiny_vocoder import write_tiny_vocoder
from tiny_voice import write_tiny_voice

from tts_vae.audio.griffin_lim import GriffinLim
from tts_vae.audio.mel import MelConfig
from tts_vae.synthesis.vocoders import SeededGriffinLim
from tts_vae.synthesis.voice import Voice

TEXT = "Hello there. Good friends."


@pytest.fixture
def equipped(tmp_path):
    """A voice with its own vocoder."""
    folder = write_tiny_voice(tmp_path / "voice")
    write_tiny_vocoder(folder / "vocoder")
    return folder


def test_a_voice_speaks_through_its_own_vocoder(equipped, voice):
    own, plain = Voice.load(equipped).speak(TEXT), voice.speak(TEXT)
    assert np.array_equal(own.mels, plain.mels)
    assert len(own.waveform) == len(plain.waveform)
    assert not np.allclose(own.waveform, plain.waveform, atol=1e-3)
    again = Voice.load(equipped, vocoder=equipped / "vocoder").speak(TEXT)
    assert np.array_equal(again.waveform, own.waveform)


def test_a_vocoder_can_be_chosen(equipped, voice, tmp_path):
    plain = Voice.load(equipped, vocoder="griffin-lim").speak(TEXT)
    assert np.array_equal(plain.waveform, voice.speak(TEXT).waveform)
    other = Voice.load(equipped, vocoder=write_tiny_vocoder(tmp_path / "v", seed=5)).speak(TEXT)
    assert not np.array_equal(other.waveform, Voice.load(equipped).speak(TEXT).waveform)
    borrowed = Voice.load(write_tiny_voice(tmp_path / "bare"), vocoder=equipped).speak(TEXT)
    assert np.array_equal(borrowed.waveform, Voice.load(equipped).speak(TEXT).waveform)


def test_wrong_vocoders_are_refused(equipped, tmp_path):
    with pytest.raises(ValueError, match="expected 'griffin-lim' or the folder .* got 'nowhere'"):
        Voice.load(equipped, vocoder="nowhere")
    with pytest.raises(ValueError, match="lacks config.yaml"):
        Voice.load(equipped, vocoder=tmp_path)
    slow = write_tiny_vocoder(tmp_path / "slow", MelConfig(hop_length=128))
    with pytest.raises(ValueError, match="hop_length is 128 there and 256 here"):
        Voice.load(equipped, vocoder=slow)


def test_griffin_lim_is_built_once_and_takes_its_seed_each_time():
    torch.manual_seed(0)
    mels = torch.randn(1, 20, 80) - 4
    vocoder = SeededGriffinLim(MelConfig())
    for seed in (3, 0, 3):
        assert torch.equal(vocoder(mels, seed), GriffinLim(MelConfig(), seed=seed)(mels))
