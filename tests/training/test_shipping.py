import pytest
import yaml
from safetensors.torch import load_file, save_file
from tiny_vocoder import write_tiny_vocoder
from tiny_voice import write_tiny_voice

from tts_vae import voices
from tts_vae.synthesis.voice import Voice
from tts_vae.synthesis.voice_folders import describe_voice, shipped_voices
from tts_vae.training import shipping
from tts_vae.training.shipping import ship_vocoder, ship_voice

CARD = {"data": "tones of our own", "licence": "Apache-2.0"}


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return write_tiny_voice(tmp_path_factory.mktemp("trained") / "tiny")


def test_half_the_size_and_the_same_speech(voice, tmp_path):
    shipped = ship_voice(voice, tmp_path / "tiny", CARD)
    before, after = (load_file(each / "model.safetensors") for each in (voice, shipped.folder))
    large = [name for name, tensor in before.items() if tensor.numel() > 1000]
    assert large and all(after[name].element_size() == 2 for name in large)
    assert shipped.size == sum(file.stat().st_size for file in (tmp_path / "tiny").iterdir())
    assert 0 < shipped.mel_difference < 0.05
    spoken = [Voice.load(each).speak("Hello there.") for each in (voice, shipped.folder)]
    assert abs(spoken[0].mels - spoken[1].mels).max() < 0.05


def test_the_card_and_no_path_of_the_trainer(voice, tmp_path):
    folder = ship_voice(voice, tmp_path / "tiny", CARD).folder
    card = (folder / "README.md").read_text()
    assert card.startswith("# tiny\n") and "## licence\n\nApache-2.0" in card
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["card"] == CARD and "corpus_dir" not in config


def test_too_large_leaves_what_was_there(voice, tmp_path, monkeypatch):
    ship_voice(voice, tmp_path / "tiny", CARD)
    monkeypatch.setattr(shipping, "LARGEST", 1000)
    with pytest.raises(ValueError, match="more than the 1000 of a shipped voice"):
        ship_voice(voice, tmp_path / "tiny", {"data": "others"})
    assert [each.name for each in tmp_path.iterdir()] == ["tiny"]
    assert "tones of our own" in (tmp_path / "tiny" / "README.md").read_text()


def test_numbers_beyond_half_precision(tmp_path):
    voice = write_tiny_voice(tmp_path / "loud")
    tensors = load_file(voice / "model.safetensors")
    name = max(tensors, key=lambda each: tensors[each].numel())
    tensors[name].view(-1)[0] = 1e6
    save_file(tensors, voice / "model.safetensors")
    config = yaml.safe_load((voice / "config.yaml").read_text())
    config.pop("weights_sha256")
    (voice / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ValueError, match="beyond half precision"):
        ship_voice(voice, tmp_path / "shipped", CARD)
    assert not (tmp_path / "shipped").exists()


def test_a_vocoder_for_all_shipped_voices(voice, tmp_path, monkeypatch):
    monkeypatch.setattr(voices, "FOLDER", tmp_path)
    ship_voice(voice, tmp_path / "tiny", CARD)
    plain = Voice.load("tiny").speak("Hello there.").waveform
    shipped = ship_vocoder(write_tiny_vocoder(tmp_path / "trained"), tmp_path / "vocoder", CARD)
    assert 0 < shipped.mel_difference < 0.5
    assert set(shipped_voices()) == {"tiny"} and describe_voice(tmp_path / "tiny").vocoder
    spoken = Voice.load("tiny").speak("Hello there.").waveform
    assert len(spoken) == len(plain) and abs(spoken - plain).max() > 1e-3
    assert (Voice.load("tiny", "griffin-lim").speak("Hello there.").waveform == plain).all()
