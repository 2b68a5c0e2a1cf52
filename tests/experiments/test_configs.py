"""Every value in configs/ reaches a constructor that exists and knows its name."""

import importlib
import inspect
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from hydra.utils import instantiate as build
from omegaconf import OmegaConf

from recipes.configuration import CONFIGS, configure, root_of
from tts_vae.audio.mel import MelConfig
from tts_vae.audio.prosody import TRACKERS
from tts_vae.models.latent_model import LatentModel
from tts_vae.models.speech.augmentation import Augmentation
from tts_vae.objectives.contract import Objective
from tts_vae.synthesis.bundle import instantiate
from tts_vae.training import image_run
from tts_vae.training.loop import check_keys
from tts_vae.training.recogniser_training import RecogniserSettings
from tts_vae.training.run import SECTIONS

FILES = sorted(path.relative_to(CONFIGS) for path in CONFIGS.rglob("*.yaml"))
EXPERIMENTS = sorted(
    str(path.relative_to("experiment").with_suffix(""))
    for path in FILES
    if path.parts[0] == "experiment"
)
ON_IMAGES = [name for name in EXPERIMENTS if root_of([f"experiment={name}"]) == "image"]
OF_VOCODERS = [name for name in EXPERIMENTS if name.startswith("vocoder/")]
ON_SPEECH = [name for name in EXPERIMENTS if name not in ON_IMAGES + OF_VOCODERS]
PRIMARY = ("train", "align", "judge")


def leaves(group):
    return sorted(path.stem for path in FILES if path.parts[0] == group)


def read(path):
    return yaml.safe_load((CONFIGS / path).read_text()) or {}


def targets(node, where=""):
    """Every mapping with a _target_ below a node."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield where, node
        for key, value in node.items():
            yield from targets(value, f"{where}.{key}")


def check_targets(tree):
    for where, node in targets(tree):
        module, _, name = node["_target_"].rpartition(".")
        cls = getattr(importlib.import_module(module), name)
        known = set(inspect.signature(cls).parameters)
        given = set(node) - {"_target_", "defaults"}
        assert given <= known, f"{where}: {cls.__name__} has no {sorted(given - known)}"


def composed(*overrides, name="train"):
    config = configure(list(overrides), name)
    if name == "train":
        config.n_symbols, config.n_speakers = 50, 3
    return OmegaConf.to_container(config, resolve=True)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_file_names_classes_and_arguments_that_exist(path):
    check_targets(read(path))


@pytest.mark.parametrize("experiment", ON_SPEECH)
def test_an_experiment_only_overrides(experiment):
    def check(new, old, where):
        for key, value in new.items():
            assert key in old, f"{where}{key} is nowhere else in configs/"
            if isinstance(value, dict):
                check(value, old[key], f"{where}{key}.")

    values = read(Path("experiment", f"{experiment}.yaml"))
    chosen = []
    for entry in values.pop("defaults", []):
        if isinstance(entry, str):  # what it is a variant of
            chosen.append(entry.removeprefix("/").replace("experiment/", "experiment=", 1))
        else:
            chosen += [f"{k.removeprefix('override /')}={v}" for k, v in entry.items()]
    base = composed(*chosen)
    check(values, base, "")
    config = composed(f"experiment={experiment}")
    check_targets(config)
    assert config["name"] == experiment.replace("/", "_") and config["name"] in config["output"]
    assert config["corpus"]["name"] == experiment.split("/")[0]


@pytest.mark.parametrize("experiment", ON_IMAGES)
def test_an_image_experiment_composes_and_builds(experiment):
    config = configure([f"experiment={experiment}"], "image")
    config.n_characters, config.caption_length, config.code_count = 27, 20, 16
    plain = OmegaConf.to_container(config, resolve=True)
    check_targets(plain)
    assert plain["name"] == experiment.replace("/", "_") and plain["name"] in plain["output"]
    assert plain["corpus"]["name"] == experiment.split("/")[0]
    assert isinstance(instantiate(plain["model"]), LatentModel)
    assert isinstance(build(config.objective, _convert_="all"), Objective)
    for section, target in image_run.SECTIONS.items():
        if plain[section] is not None:
            check_keys(section, plain[section], target)
    for network in plain["prior"].get("networks", {}).values():
        instantiate(network)


def test_every_image_experiment_is_there_for_both_corpora():
    names = [{n.split("/")[1] for n in ON_IMAGES if n.startswith(c)} for c in ("digits", "mnist")]
    assert names[0] == names[1] and len(names[0]) >= 19


@pytest.mark.parametrize("name", PRIMARY)
@pytest.mark.parametrize("corpus", leaves("corpus"))
def test_keys_that_have_no_target_reach_a_function_too(name, corpus):
    config = composed(f"corpus={corpus}", name=name)
    assert {field.name for field in fields(MelConfig)} >= set(config["features"]["mel"])
    MelConfig(**config["features"]["mel"])
    assert config["features"]["f0_tracker"] in TRACKERS
    module = importlib.import_module(f"tts_vae.corpora.{config['corpus']['name']}")
    for verb in ("obtain", "prepare"):
        known = set(inspect.signature(getattr(module, verb)).parameters) - {"root", "out"}
        assert set(config["corpus"][verb]) <= known
    if name == "judge":
        RecogniserSettings(
            **config["settings"], augmentation=Augmentation(**config["augmentation"])
        )


@pytest.mark.parametrize("trainer", leaves("trainer"))
def test_every_trainer_composes(trainer):
    config = composed(f"trainer={trainer}", "steps=7")
    for section, target in SECTIONS.items():
        check_keys(section, config[section], target)
    settings = config["trainer"]
    assert settings["max_steps"] == 7
    assert settings["accelerator"] == ("cpu" if trainer == "cpu" else "gpu")
    assert settings["precision"] == ("auto" if trainer == "cpu" else "bf16-mixed")
    assert (trainer == "ddp") == settings.get("strategy", "").startswith("ddp")


@pytest.mark.parametrize(
    "choice",
    [
        f"{group}={leaf}"
        for group in ("latent", "encoder", "speaker", "decoder", "objective")
        for leaf in leaves(group)
    ],
)
def test_every_choice_of_a_part_builds(choice):
    config = configure([choice])
    config.n_symbols, config.n_speakers = 50, 3
    assert isinstance(instantiate(OmegaConf.to_container(config.model, resolve=True)), LatentModel)
    assert isinstance(build(config.objective, _convert_="all"), Objective)


def test_every_group_of_configs_is_tested_here():
    groups = {path.parts[0] for path in FILES if len(path.parts) > 1}
    tested = {"latent", "encoder", "speaker", "decoder", "objective", "trainer", "corpus"}
    assert groups == tested | {"features", "experiment", "image", "penalties"}
    primary = {path.stem for path in FILES if len(path.parts) == 1}
    others = {"image", "classical", "vocoder", "ship_voice"}
    others |= {"benchmark_latents", "benchmark_speech", "measure_training"}
    assert primary == {*PRIMARY, "demo"} | others


@pytest.mark.parametrize("experiment", OF_VOCODERS)
def test_a_vocoder_experiment_only_overrides(experiment):
    plain, changed = (
        composed(*more, name="vocoder") for more in ([], [f"experiment={experiment}"])
    )
    assert changed.keys() == plain.keys()
    for key, value in plain.items():
        if isinstance(value, dict) and key not in ("corpus", "trainer"):
            assert changed[key].keys() == value.keys(), key
    check_targets(changed)


def test_the_demo_trains_with_overrides_that_compose():
    demo = configure([], "demo")
    experiment = configure([*demo.training, f"steps={demo.steps}", f"seed={demo.seed}"])
    assert experiment.mixture_start.step < demo.steps == experiment.trainer.max_steps
