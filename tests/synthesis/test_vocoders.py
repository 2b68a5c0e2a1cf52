"""Vocoders as files: what is written is read again, and nothing damaged or foreign speaks."""

import json

import pytest
import torch
import yaml
from safetensors.torch import save_file

from tts_vae.audio.griffin_lim import GriffinLim
from tts_vae.audio.mel import MelConfig
from tts_vae.models.vocoder.hifigan import HifiGanGenerator
from tts_vae.synthesis.outside_vocoders import load_hifigan, load_vocos
from tts_vae.synthesis.vocoder_bundle import (
    NeuralVocoder,
    build_vocoder,
    load_vocoder,
    save_vocoder,
)

CONFIG = {
    "_target_": "tts_vae.models.vocoder.istft_vocoder.IstftVocoder",
    "width": 8,
    "layers": 1,
}
SIZES = {
    "V1": {
        "resblock": "1",
        "upsample_rates": [8, 8, 2, 2],
        "upsample_kernel_sizes": [16, 16, 4, 4],
        "upsample_initial_channel": 16,
        "resblock_kernel_sizes": [3, 7],
        "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5]],
    },
    "V3": {
        "resblock": "2",
        "upsample_rates": [8, 8, 4],
        "upsample_kernel_sizes": [16, 16, 8],
        "upsample_initial_channel": 16,
        "resblock_kernel_sizes": [3, 5],
        "resblock_dilation_sizes": [[1, 2], [2, 6]],
    },
}
MELS = {
    "sampling_rate": 22050,
    "n_fft": 1024,
    "hop_size": 256,
    "win_size": 1024,
    "num_mels": 80,
    "fmin": 0,
    "fmax": 8000,
}


@pytest.fixture
def folder(tmp_path):
    model = build_vocoder(CONFIG, MelConfig())
    return save_vocoder(
        tmp_path / "vocoder",
        model_config=CONFIG,
        model=model,
        mel=MelConfig(),
        card="# A vocoder\n",
        metadata={"steps": 0},
    )


def test_what_is_saved_is_loaded(folder):
    mels = torch.randn(2, 9, 80) - 5
    bundle = load_vocoder(folder)
    assert bundle.mel == MelConfig() and bundle.metadata == {"steps": 0}
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.yaml",
        "model.safetensors",
    ]
    again = save_vocoder(
        folder.with_name("again"),
        model_config=CONFIG,
        model=bundle.model,
        mel=bundle.mel,
        card="",
    )
    ours, theirs = (NeuralVocoder(path, precision="float32")(mels) for path in (folder, again))
    assert torch.equal(ours, theirs) and ours.any()


def test_the_door_is_griffin_lims(folder):
    mels, lengths = torch.randn(2, 9, 80) - 5, torch.tensor([4, 9])
    voiced, griffin_lim = NeuralVocoder(folder), GriffinLim(iterations=1)
    for arguments in ((mels,), (mels, lengths)):
        assert voiced(*arguments).shape == griffin_lim(*arguments).shape == (2, 2304)
    assert not voiced(mels, lengths)[0, 1024:].any()


def test_precision_is_of_the_layers_alone(folder):
    bundle, mels = load_vocoder(folder), torch.randn(1, 9, 80) - 5
    exact = NeuralVocoder(bundle, precision="float32")(mels)
    rounded = NeuralVocoder(bundle, precision="bfloat16")(mels)
    assert not torch.equal(exact, rounded) and rounded.dtype == torch.float32
    assert torch.equal(NeuralVocoder(bundle, precision="float32")(mels), exact)
    with pytest.raises(ValueError, match="auto, float32 or bfloat16, got 'half'"):
        NeuralVocoder(bundle, precision="half")


def test_loading_draws_nothing(folder):
    before = torch.get_rng_state()
    load_vocoder(folder)
    assert torch.equal(before, torch.get_rng_state())


def test_other_mels_are_refused_constant_by_constant(folder):
    NeuralVocoder(folder, MelConfig())
    with pytest.raises(ValueError, match="fmax is 8000.0 there and 7600.0 here") as caught:
        NeuralVocoder(folder, MelConfig(sample_rate=24000, fmax=7600.0))
    assert "sample_rate is 22050 there and 24000 here" in str(caught.value)
    assert "n_fft" not in str(caught.value)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("truncated", "truncated, corrupt or half replaced"),
        ("no weights", "lacks model.safetensors"),
        ("no folder", "is not a folder"),
        ("not yaml", "not readable YAML"),
        ("a voice", "is of no vocoder"),
        ("a list", "mel must be a mapping"),
        ("other mel", "mel must have the keys"),
        ("other sizes", "belong to different vocoders"),
        ("other class", "vocoder must be a .*IstftVocoder, got Linear|is refused"),
        ("not finite", "not finite in"),
    ],
)
def test_a_damaged_folder_is_named(folder, damage, words):
    config, weights = folder / "config.yaml", folder / "model.safetensors"
    written = yaml.safe_load(config.read_text())
    if damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:-9])
    elif damage == "no weights":
        weights.unlink()
    elif damage == "no folder":
        folder = folder / "deeper"
    elif damage == "not yaml":
        config.write_text("vocoder: [")
    elif damage == "a voice":
        config.write_text("model: {}")
    elif damage == "not finite":
        model = build_vocoder(CONFIG, MelConfig())
        torch.nn.init.constant_(model.head.bias, float("nan"))
        save_vocoder(folder, model_config=CONFIG, model=model, mel=MelConfig(), card="")
    else:
        changed = {
            "a list": {"mel": []},
            "other mel": {"mel": {"n_mels": 80}},
            "other sizes": {"vocoder": {**CONFIG, "width": 12}},
            "other class": {"vocoder": {"_target_": "tts_vae.models.vocoder.overlap.OverlapAdd"}},
        }[damage]
        if damage == "other class":
            words = "vocoder must be a|cannot build"
        config.write_text(yaml.safe_dump(written | changed))
    with pytest.raises(ValueError, match=words) as caught:
        load_vocoder(folder)
    assert "\n" not in str(caught.value)


def test_metadata_may_not_hide_the_weights(folder):
    with pytest.raises(ValueError, match="weights_sha256"):
        save_vocoder(
            folder,
            model_config=CONFIG,
            model=load_vocoder(folder).model,
            mel=MelConfig(),
            card="",
            metadata={"weights_sha256": ""},
        )


def published(network, style):
    """A state_dict with weight normalisation, under the names of either torch."""
    state = {}
    for name, tensor in network.state_dict().items():
        if name.endswith("weight"):
            magnitude = tensor.flatten(1).norm(dim=1).reshape(-1, *[1] * (tensor.dim() - 1))
            direction = 3.0 * tensor  # its length says nothing
            stem = name.removesuffix(".weight")
            if style == "old":
                state |= {f"{stem}.weight_g": magnitude, f"{stem}.weight_v": direction}
            else:
                stem += ".parametrizations.weight.original"
                state |= {f"{stem}0": magnitude, f"{stem}1": direction}
        else:
            state[name] = tensor
    return state


@pytest.fixture
def hifigan(tmp_path):
    """(version, style) -> network, checkpoint, config."""

    def write(version, style="old", mels=MELS):
        network = HifiGanGenerator(80, **SIZES[version])
        config = tmp_path / "config.json"
        config.write_text(json.dumps(SIZES[version] | mels | {"num_gpus": 0}))
        if style == "folded":
            save_file(network.state_dict(), tmp_path / "generator.safetensors")
            return network, tmp_path / "generator.safetensors", config
        torch.save({"generator": published(network, style)}, tmp_path / "generator_v")
        return network, tmp_path / "generator_v", config

    return write


@pytest.mark.parametrize("style", ["old", "new", "folded"])
@pytest.mark.parametrize("version", SIZES)
def test_hifigan_checkpoints_are_read(hifigan, version, style):
    network, checkpoint, config = hifigan(version, style)
    mels = torch.randn(2, 7, 80) - 5
    voiced = load_hifigan(checkpoint, config, MelConfig())(mels)
    assert voiced.shape == (2, 7 * 256)
    with torch.no_grad():
        torch.testing.assert_close(voiced, network(mels), rtol=1e-4, atol=1e-5)


def test_folding_is_what_torch_means_by_weight_norm(hifigan):
    """An independent witness: torch's own parametrization of the same layer."""
    conv = torch.nn.utils.parametrizations.weight_norm(torch.nn.ConvTranspose1d(6, 3, 4))
    with torch.no_grad():
        conv.parametrizations.weight.original0.mul_(1.7)
    from tts_vae.models.vocoder.hifigan import fold_weight_norm

    folded = fold_weight_norm({f"ups.0.{k}": v for k, v in conv.state_dict().items()})
    assert set(folded) == {"ups.0.weight", "ups.0.bias"}
    torch.testing.assert_close(folded["ups.0.weight"], conv.weight)


def test_hifigan_in_a_batch_hears_no_padding(hifigan):
    _, checkpoint, config = hifigan("V3")
    vocoder = load_hifigan(checkpoint, config, MelConfig())
    mels = torch.randn(2, 9, 80)
    together = vocoder(mels, torch.tensor([4, 9]))
    torch.testing.assert_close(together[0, :1024], vocoder(mels[:1, :4])[0])
    assert together.shape == (2, 2304) and not together[0, 1024:].any()


def test_hifigan_of_other_mels_is_refused(hifigan):
    other = MELS | {"sampling_rate": 16000, "num_mels": 100, "fmax": None}
    _, checkpoint, config = hifigan("V1", mels=other)
    with pytest.raises(ValueError, match="sample_rate is 16000 there and 22050 here") as caught:
        load_hifigan(checkpoint, config, MelConfig())
    message = str(caught.value)
    assert "n_mels is 100 there and 80 here" in message
    assert "fmax is None there and 8000.0 here" in message
    assert "hop_length" not in message


def test_hifigan_files_that_do_not_belong_together(hifigan, tmp_path):
    _, checkpoint, config = hifigan("V1")
    whole = config.read_text()
    config.write_text(json.dumps(SIZES["V3"] | MELS))
    with pytest.raises(ValueError, match="belong to different vocoders"):
        load_hifigan(checkpoint, config, MelConfig())
    config.write_text(json.dumps(MELS))
    with pytest.raises(ValueError, match="lacks .*resblock"):
        load_hifigan(checkpoint, config, MelConfig())
    config.write_text("{")
    with pytest.raises(ValueError, match="readable configuration"):
        load_hifigan(checkpoint, config, MelConfig())
    config.write_text(whole)
    checkpoint.write_bytes(b"noise")
    with pytest.raises(ValueError, match="readable checkpoint"):
        load_hifigan(checkpoint, config, MelConfig())
    config.write_text(json.dumps(SIZES["V1"] | MELS | {"resblock": "3"}))
    with pytest.raises(ValueError, match="resblock 1 or 2"):
        load_hifigan(checkpoint, config, MelConfig())


VOCOS = {
    "feature_extractor": {
        "class_path": "vocos.feature_extractors.MelSpectrogramFeatures",
        "init_args": {"sample_rate": 24000, "n_fft": 1024, "hop_length": 256, "n_mels": 100},
    },
    "backbone": {
        "class_path": "vocos.models.VocosBackbone",
        "init_args": {"input_channels": 80, "dim": 16, "intermediate_dim": 32, "num_layers": 2},
    },
    "head": {
        "class_path": "vocos.heads.ISTFTHead",
        "init_args": {"dim": 16, "n_fft": 1024, "hop_length": 256, "padding": "same"},
    },
}
OURS = {
    "sample_rate": 22050,
    "n_mels": 80,
    "padding": "same",
    "norm": "slaney",
    "mel_scale": "slaney",
    "f_max": 8000,
}


def write_vocos(tmp_path, extractor=OURS, **changed):
    described = json.loads(json.dumps(VOCOS | changed))
    described["feature_extractor"]["init_args"] |= extractor
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(described))
    return tmp_path


def test_vocos_at_24_khz_is_refused_with_every_reason(tmp_path):
    with pytest.raises(ValueError, match="sample_rate is 24000 there and 22050 here") as caught:
        load_vocos(write_vocos(tmp_path, {}), MelConfig())
    for words in ("n_mels is 100", "mel_scale is htk", "norm is None", "padding is center"):
        assert words in str(caught.value)


def test_vocos_may_name_no_foreign_class(tmp_path):
    foreign = {"class_path": "os.system", "init_args": {}}
    with pytest.raises(ValueError, match="'os.system' is refused"):
        load_vocos(write_vocos(tmp_path, backbone=foreign), MelConfig())


def test_vocos_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "vocos.models", None)
    with pytest.raises(ImportError, match="pip install vocos"):
        load_vocos(write_vocos(tmp_path), MelConfig())


def test_vocos_speaks(tmp_path):
    models = pytest.importorskip("vocos.models")
    heads = pytest.importorskip("vocos.heads")
    backbone = models.VocosBackbone(**VOCOS["backbone"]["init_args"])
    head = heads.ISTFTHead(**VOCOS["head"]["init_args"])
    state = {f"backbone.{k}": v for k, v in backbone.state_dict().items()}
    state |= {f"head.{k}": v for k, v in head.state_dict().items()}
    state["feature_extractor.mel_spec.mel_scale.fb"] = torch.zeros(3)
    torch.save(state, tmp_path / "pytorch_model.bin")
    mels = torch.randn(2, 9, 80) - 5
    voiced = load_vocos(write_vocos(tmp_path), MelConfig())(mels)
    with torch.no_grad():
        torch.testing.assert_close(voiced, head(backbone(mels.transpose(1, 2))))
    assert voiced.shape == (2, 2304)
