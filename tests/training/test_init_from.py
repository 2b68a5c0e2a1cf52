import pytest
import torch
import yaml
from safetensors.torch import load_file
from tiny_corpus import write_tiny_corpus

from tts_vae.synthesis.bundle import instantiate, load_voice
from tts_vae.synthesis.ssml_styles import GENDERS
from tts_vae.training.run import copy_weights


@pytest.fixture
def voice(run):
    return run("steps=2", output="first")


def test_a_trained_voice_knows_its_speakers_genders(voice):
    assert load_voice(voice).metadata[GENDERS] == {"ann": "female", "bob": "male"}


def test_weights_go_by_name_and_shape_and_embeddings_by_symbol(voice):
    config = yaml.safe_load((voice / "config.yaml").read_text())
    theirs, weights = config["symbols"], load_file(voice / "model.safetensors")
    config["model"]["latents"]["speaker"]["condition_classes"] = 5  # another corpus: more speakers
    symbols = ("<pad>", "new", *reversed(theirs[1:20]))
    config["model"]["decoder"]["text_encoder"]["n_symbols"] = len(symbols)
    torch.manual_seed(99)
    model = instantiate(config["model"])
    before = {name: t.clone() for name, t in model.state_dict().items()}
    copied = copy_weights(model, voice, symbols)
    after = model.state_dict()

    embedding = "decoder.text_encoder.embedding.weight"
    for index, symbol in enumerate(symbols):
        if symbol == "new":
            assert torch.equal(after[embedding][index], before[embedding][index])
        else:
            assert torch.equal(after[embedding][index], weights[embedding][theirs.index(symbol)])
    other = [name for name in after if after[name].shape != weights[name].shape]
    assert len(other) >= 2 and embedding in other and any("speaker" in name for name in other)
    for name in other:
        if name != embedding:
            assert torch.equal(after[name], before[name])
    statistics = [name for name in after if name.endswith(("_mean", "_std"))]
    units = ("log_duration", "pitch_st", "energy_db")
    expected = {f"decoder.{unit}_{kind}" for unit in units for kind in ("mean", "std")}
    assert expected | {"decoder.mels_mean"} <= set(statistics)
    for name in statistics:
        assert torch.equal(after[name], before[name]), "units belong to the new corpus"
    same = set(after) - set(other) - set(statistics)
    for name in same:
        assert torch.equal(after[name], weights[name]), name
    assert copied == len(same) + 1


def test_a_run_starts_there(voice, run, tmp_path, at_step):
    first = {}

    def look(number, module, batch):
        first.setdefault("weights", module.model.state_dict()["decoder.output.weight"].clone())

    at_step.actions.append(look)
    corpus = write_tiny_corpus(tmp_path / "other", speakers=("eve",), train=5, valid=1)
    run(f"corpus.dir={corpus}", f"init_from={voice}", "steps=1", output="second")
    bundle = load_voice(voice)
    assert torch.equal(first["weights"], bundle.model.state_dict()["decoder.output.weight"])
