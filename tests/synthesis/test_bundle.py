import json

import pytest
import torch
import yaml
from tiny_voice import SPEAKERS, model_config, tiny_model, write_tiny_voice

from tts_vae.audio.mel import MelConfig
from tts_vae.models.latent_model import LatentModel
from tts_vae.synthesis.bundle import CARD, CONFIG, STYLES, WEIGHTS, instantiate, load_voice

FILES = {CARD, CONFIG, STYLES, WEIGHTS}


def edit(folder, **changes):
    path = folder / CONFIG
    config = yaml.safe_load(path.read_text())
    config.update(changes)
    path.write_text(yaml.safe_dump(config))


def test_round_trip_is_bit_identical(folder):
    bundle = load_voice(folder)
    original = tiny_model(model_config()).state_dict()
    loaded = bundle.model.state_dict()
    assert original.keys() == loaded.keys()
    assert all(torch.equal(original[name], loaded[name]) for name in original)
    assert isinstance(bundle.model, LatentModel) and not bundle.model.training
    assert bundle.mel == MelConfig() and bundle.front_end == "grapheme"
    assert bundle.speakers == SPEAKERS and bundle.symbols[0] == "<pad>"
    assert bundle.metadata == {"corpus": "none", "metrics": {"steps": 0}}
    assert {path.name for path in folder.iterdir()} == FILES


def test_loading_leaves_the_random_state_alone(folder):
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    load_voice(folder)
    assert torch.equal(torch.rand(4), expected)


def test_saving_over_a_voice_replaces_it_and_keeps_other_files(tmp_path):
    folder = write_tiny_voice(tmp_path / "voice")
    (folder / "notes.txt").write_text("mine")
    write_tiny_voice(folder, prosody="gaussian", styles={"sites": {}})
    assert type(load_voice(folder).model.sites["prosody"]).__name__ == "GaussianLatent"
    assert {path.name for path in folder.iterdir()} == {*FILES, "notes.txt"}
    assert [path.name for path in tmp_path.iterdir()] == ["voice"]


def test_numbers_of_any_kind_are_stored(tmp_path):
    styles = {"sites": {"prosody": {"default": torch.ones(4), "usage": torch.tensor([0.5, 0.5])}}}
    metadata = {"metrics": {"loss": torch.tensor(1.5)}, "where": tmp_path}
    bundle = load_voice(write_tiny_voice(tmp_path / "v", styles=styles, metadata=metadata))
    assert bundle.styles["sites"]["prosody"]["default"] == [1.0] * 4
    assert bundle.metadata == {"metrics": {"loss": 1.5}, "where": str(tmp_path)}


def test_failed_save_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="finite"):
        write_tiny_voice(tmp_path / "v", styles={"sites": {"prosody": {"std": float("nan")}}})
    with pytest.raises(ValueError, match="may not repeat.*'model'"):
        write_tiny_voice(tmp_path / "v", metadata={"model": 1})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "torch.nn.Linear",
        "builtins.eval",
        "tts_vae.audio.files.os.system",
        "tts_vae.synthesis.bundle.os",
        "tts_vae.synthesis.bundle.save_voice",
        "tts_vae.synthesis.bundle.Path",
        "tts_vae.models.latent_model.nn.Linear",
        "tts_vae_evil.Model",
        "tts_vae.nothing.Here",
        17,
    ],
)
def test_only_networks_of_ours_are_built(target):
    with pytest.raises(ValueError, match="_target_"):
        instantiate({"_target_": target, "in_features": 1, "out_features": 1})


def test_arguments_are_checked():
    target = "tts_vae.models.likelihoods.LaplaceLikelihood"
    with pytest.raises(ValueError, match="LaplaceLikelihood.*sclae"):
        instantiate({"_target_": target, "sclae": 1.0})
    with pytest.raises(ValueError, match="LaplaceLikelihood.*positive"):
        instantiate({"_target_": target, "scale": -1.0})
    assert instantiate({"a": [1, [2]], "b": {"c": "x"}}) == {"a": (1, (2,)), "b": {"c": "x"}}


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, STYLES])
def test_missing_and_damaged_files_are_named(tmp_path, name):
    folder = write_tiny_voice(tmp_path / "v")
    whole = (folder / name).read_bytes()
    damages = {"half": whole[: len(whole) // 2], "noise": b"\x00\xff\x13" * 99, "empty": b""}
    for damaged in damages.values():
        (folder / name).write_bytes(damaged)
        with pytest.raises(ValueError, match=name):
            load_voice(folder)
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"lacks {name}; a voice is a folder with {CONFIG}"):
        load_voice(folder)


def test_a_flipped_bit_of_the_weights_is_found(tmp_path):
    folder = write_tiny_voice(tmp_path / "v")
    weights = bytearray((folder / WEIGHTS).read_bytes())
    weights[-100] ^= 1
    (folder / WEIGHTS).write_bytes(weights)
    with pytest.raises(ValueError, match="corrupt"):
        load_voice(folder)


def test_weights_of_another_voice_are_refused(tmp_path):
    folder = write_tiny_voice(tmp_path / "v")
    edit(folder, model=model_config("gaussian"), weights_sha256=None)
    with pytest.raises(ValueError, match="different voices"):
        load_voice(folder)


def test_configurations_that_are_no_voice(tmp_path):
    folder = write_tiny_voice(tmp_path / "v")
    for changes, message in (
        ({"model": {"_target_": "os.system", "command": "true"}}, "refused"),
        (
            {"model": {"_target_": "tts_vae.models.likelihoods.LaplaceLikelihood", "scale": 1}},
            "Latent",
        ),
        ({"mel": {"hop": 1}}, "mel"),
        ({"symbols": "abc"}, "symbols must be a list"),
    ):
        write_tiny_voice(folder)
        edit(folder, **changes)
        with pytest.raises(ValueError, match=message):
            load_voice(folder)
    write_tiny_voice(folder)
    config = (folder / CONFIG).read_text()
    (folder / CONFIG).write_text(config + "\nx: !!python/object/apply:os.system ['true']\n")
    with pytest.raises(ValueError, match="YAML"):
        load_voice(folder)
    write_tiny_voice(folder)
    (folder / STYLES).write_text(json.dumps([1]))
    with pytest.raises(ValueError, match=STYLES):
        load_voice(folder)


def test_an_unknown_folder_lists_voices_nearby(folder):
    with pytest.raises(ValueError, match=r"is not a folder.*voices found: .*tiny"):
        load_voice(folder.parent / "tyny")
    with pytest.raises(ValueError, match=r"lacks config.yaml.*voices found: .*tiny"):
        load_voice(folder.parent)
