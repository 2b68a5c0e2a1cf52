"""Peers get our layers, our start and our work; the recipe compares them once."""

import json
from importlib.util import find_spec

import pytest
import torch

from recipes.benchmark_latents import benchmark
from recipes.configuration import configure
from tts_vae.evaluation.peers.latents.comparison import choose, compare
from tts_vae.evaluation.peers.latents.contestant import Contestant, measure, require
from tts_vae.evaluation.peers.latents.networks import networks_of
from tts_vae.evaluation.peers.latents.work import Features, Points
from tts_vae.latents.gaussian import GaussianLatent
from tts_vae.latents.vector_quantizer import VectorQuantizerLatent
from tts_vae.models.image.convolutional import ConvDecoder, ConvEncoder
from tts_vae.models.image.perceptron import PerceptronDecoder, PerceptronEncoder
from tts_vae.models.latent_model import LatentModel
from tts_vae.models.likelihoods import BernoulliLikelihood, GaussianLikelihood

PEERS = {"pythae": "pythae", "pyro": "pyro-ppl", "vector_quantize_pytorch": "vq"}
ABSENT = [package for module, package in PEERS.items() if find_spec(module) is None]
SHAPE = (1, 8, 8)
needs_peers = pytest.mark.skipif(
    bool(ABSENT), reason=f"{', '.join(ABSENT)} not installed: pip install 'tts_vae[bench]'"
)
# of the peers' own imports
lenient = pytest.mark.filterwarnings("ignore")


def perceptrons():
    return LatentModel(
        {"z": PerceptronEncoder(SHAPE, [12, 10])},
        {"z": GaussianLatent(10, 3)},
        PerceptronDecoder(SHAPE, {"z": 3}, BernoulliLikelihood(), [9, 11]),
    )


def convolutions():
    return LatentModel(
        {"z": ConvEncoder(SHAPE, [6], [2], 1, output="grid")},
        {"z": VectorQuantizerLatent(6, 4, 8, projection=True, kmeans_start=False)},
        ConvDecoder(SHAPE, {"z": 4}, GaussianLikelihood(0.1), [6], [2], 1, grids=["z"]),
    )


def test_perceptrons_are_copied_layer_by_layer():
    model, images = perceptrons(), torch.rand(5, *SHAPE)
    networks = networks_of(model)
    features = networks.body(images)
    posterior = model.infer(images)["z"].posterior
    torch.testing.assert_close(networks.head(features), posterior.mean)
    log_scale = 0.5 * networks.log_variance(features)
    # ours has a soft bound, whose slope there is not quite 1
    torch.testing.assert_close(log_scale, posterior.stddev.log(), atol=3e-3, rtol=0)
    z = torch.randn(5, 3)
    torch.testing.assert_close(
        networks.decoder(z), model.decoder.locations({"z": z}, None).flatten(1)
    )


def test_convolutions_are_copied_layer_by_layer():
    model, images = convolutions(), torch.rand(5, *SHAPE)
    networks = networks_of(model)
    rows = model.sites["z"].project(model.encoders["z"](images, None))
    maps = networks.head(networks.body(images))
    torch.testing.assert_close(maps.permute(0, 2, 3, 1), rows)
    torch.testing.assert_close(networks.decoder(maps), model.decoder.locations({"z": rows}, None))


def test_copies_do_not_learn_with_the_model():
    model = perceptrons()
    networks = networks_of(model)
    shared = {id(p) for p in model.parameters()}
    assert not shared & {id(p) for p in networks.body.parameters()}
    assert not shared & {id(p) for p in networks.decoder.parameters()}


def test_networks_of_unlike_sides_are_refused():
    model = perceptrons()
    model.encoders["z"] = ConvEncoder(SHAPE, [6], [2])
    with pytest.raises(ValueError, match="on both sides, got ConvEncoder and PerceptronDecoder"):
        networks_of(model)


def test_an_absent_peer_names_the_extra():
    with pytest.raises(ImportError, match=r"no_such_peer cannot.*pip install 'tts_vae\[bench\]'"):
        require("no_such_peer", "no_such_peer.models")


def learner(name, target, seconds=None):
    """Learns one number: the reconstruction of everything."""
    value = {"now": 0.0}

    def step(batch):
        value["now"] += 0.5 * (target - value["now"])

    return Contestant(name, step, reconstruct=lambda x: torch.full_like(x, value["now"]))


def test_comparison_trains_measures_and_pairs():
    built = []

    def lineup(seed):
        work = Points(20, 2, 2, seed)
        work.test = torch.ones(4, 2)
        built.append(seed)
        return work, [learner("ours", 1.0), learner("peer", 3.0)]

    (found,) = compare("row", lineup, steps=4, warm_ups=1, seeds=[0, 7])
    assert built == [0, 7]
    # after four halvings of the distance to 1 and to 3
    expected = (0.0625**2, (3 - 3 * 0.0625 - 1) ** 2)
    assert found.quality["mse"] == pytest.approx(expected)
    assert len(found.by_seed["mse"]) == 2
    assert (found.system, found.peer, found.rounds) == ("row", "peer", 6)
    assert json.loads(json.dumps(found.as_dict()))["ratio"]["value"] == found.ratio.value


def test_settings_are_chosen_on_the_training_split():
    work = Points(20, 2, 2, 0)
    work.train, work.test = torch.ones(4, 2), torch.full((4, 2), 5.0)
    targets = [5.0, 1.0, 3.0]
    chosen = choose([lambda t=t: learner("ours", t) for t in targets], work, steps=5)
    assert chosen == 1


def test_measures_leave_the_module_training():
    module = torch.nn.Dropout()
    contestant = Contestant("ours", print, module, reconstruct=module)
    # in evaluation mode dropout is the identity
    assert measure(contestant, torch.ones(3, 2)) == {"mse": 0.0}
    assert module.training


def test_features_differ_from_round_to_round():
    work = Features(2, 3, 4, centres=5, seed=0)
    first, second = work.rounds(2)
    assert first.shape == (2, 3, 4)
    assert not torch.equal(first, second)


@needs_peers
@lenient
def test_the_recipe_compares_everything_once(tmp_path):
    found = benchmark(["quick=true", f"output={tmp_path}"])
    rows = configure([], "benchmark_latents").rows
    assert [each.system for each in found] == [
        name for name, row in rows.items() for _ in row.peers
    ]
    written = json.loads((tmp_path / "metrics.json").read_text())["rows"]
    assert len(written) == len(found)
    for row in written:
        assert row["quality"] and row["ours_ms"] > 0 and row["theirs_ms"] > 0
        assert row["ratio"]["low"] <= row["ratio"]["value"] <= row["ratio"]["high"]


@needs_peers
@lenient
def test_peers_start_where_we_start(tmp_path):
    """Before any step has moved them far, all of them describe the same distribution."""
    found = benchmark(["quick=true", "only=[VAE]", f"output={tmp_path}"])
    for each in found:
        ours, theirs = each.quality["bound"]
        assert ours == pytest.approx(theirs, abs=0.7)
