"""From one resolved configuration to a trained voice: what `recipes/train.py` and the CLI run."""

import logging
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning
import torch
import yaml
from safetensors.torch import load_file

from tts_vae.audio.mel import MelConfig
from tts_vae.models.latent_model import LatentModel
from tts_vae.objectives.contract import Objective
from tts_vae.synthesis.bundle import instantiate, save_voice
from tts_vae.synthesis.ssml_styles import GENDERS
from tts_vae.training.callbacks import CollapseWatch, ProgressBar
from tts_vae.training.checkpoints import RunCheckpoint
from tts_vae.training.data_module import SpeechData
from tts_vae.training.listen import Listen
from tts_vae.training.loop import check_keys, final_numbers, fit, last_checkpoint, make_trainer
from tts_vae.training.mixture_start import MixtureStart
from tts_vae.training.module import LatentModule
from tts_vae.training.origin import git_hash, validation_table
from tts_vae.training.quiet import quiet_lightning
from tts_vae.training.site_values import component_usage, encode_sites, typical_value

SECTIONS: dict[str, Any] = {
    "optimizer": LatentModule,
    "mixture_start": MixtureStart,
    "collapse": CollapseWatch,
    "listen": Listen,
    "checkpoint": RunCheckpoint,
    "trainer": lightning.Trainer,
}
"""Sections of the configuration whose keys are arguments of one constructor."""
log = logging.getLogger(__name__)


def train_voice(config: Mapping[str, Any], data: SpeechData, objective: Objective) -> Path:
    """Train a model on a corpus and export it as a voice folder.

    Args:
        config: plain, resolved configuration (see configs/train.yaml).
        data: prepared features.
        objective: what is maximised.

    Returns:
        The voice folder, ``<output>/voice``.

    Raises:
        ValueError: if the output already holds a run and ``resume`` is false, its checkpoint
            cannot be read or is of another configuration, or a section has an unknown key.
        FloatingPointError: if the loss is not finite; the last checkpoint is kept.
        CollapseError: if a site carries nothing.
        KeyboardInterrupt: after Ctrl-C or SIGTERM; a log line says how to go on.
    """
    output = Path(config["output"])
    voice = output / "voice"
    git = git_hash()  # of the code that trains, whatever is committed meanwhile
    checkpoint = last_checkpoint(output, voice, config["resume"])
    for section, target in SECTIONS.items():
        check_keys(section, config[section], target)
    lightning.seed_everything(config["seed"], verbose=False)
    model = instantiate(config["model"])
    if checkpoint is None:
        model.fit_statistics(data.sample_batches())
        if config["init_from"] is not None:
            copied = copy_weights(model, Path(config["init_from"]), data.table.symbols)
            log.info("%d tensors start from %s", copied, config["init_from"])
    module = LatentModule(model, objective, seed=config["seed"], **config["optimizer"])
    callbacks = [
        MixtureStart(**config["mixture_start"], seed=config["seed"]),
        CollapseWatch(**config["collapse"]),
        Listen(MelConfig(**config["features"]["mel"]), **config["listen"]),
        RunCheckpoint(output / "checkpoints" / "last.ckpt", **config["checkpoint"]),
        ProgressBar(refresh_rate=10),
    ]
    with quiet_lightning():
        trainer = make_trainer(config["trainer"], callbacks, output)
        fit(trainer, module, data, checkpoint)
        metrics = final_numbers(trainer, module, data, len(data.valid_store) > 0)
    if trainer.is_global_zero:
        export_voice(voice, config, module, data, metrics, git)
    trainer.strategy.barrier()
    return voice


def export_voice(
    folder: Path,
    config: Mapping[str, Any],
    module: LatentModule,
    data: SpeechData,
    metrics: Mapping[str, float],
    git: str,
) -> Path:
    """Write the trained model as a voice, with the styles its training posteriors show."""
    found = encode_sites(module.cpu().eval(), data.train_dataloader())
    sites: dict[str, Any] = {}
    for name, latent in module.model.sites.items():
        means, codes = torch.tensor(found[name].means), found[name].codes
        site: dict[str, Any] = {"default": typical_value(means, codes), "std": means.std(0)}
        usage = component_usage(latent, means, codes)
        if usage is not None:
            site["usage"] = usage
        sites[name] = site
    return save_voice(
        folder,
        model_config=config["model"],
        model=module.model,
        mel=MelConfig(**config["features"]["mel"]),
        front_end=data.front_end,
        symbols=data.table.symbols,
        speakers=data.speakers,
        styles={"sites": sites},
        card=_card(config, metrics, git),
        metadata={
            "corpus": config["corpus"]["name"],
            "corpus_dir": str(config["corpus"]["dir"]),
            "level_db": config["corpus"]["level_db"],
            "experiment": config["name"],
            "steps": module.global_step or config["steps"],
            "seed": config["seed"],
            "git": git,
            "metrics": dict(metrics),
            GENDERS: {name: data.genders[name] for name in data.speakers if name in data.genders},
            **_held_capacity(config),
        },
    )


def _held_capacity(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the objective held the KL of sites at, for those who measure the voice."""
    nats = (config.get("objective") or {}).get("capacity_nats")
    return {"capacity_nats": dict(nats)} if nats else {}


def copy_weights(model: LatentModel, voice: Path, symbols: tuple[str, ...]) -> int:
    """Copy every tensor of a voice whose name and shape match; embeddings by symbol.

    Returns:
        The number of tensors copied.

    Raises:
        ValueError: if there is no voice.
    """
    if not (voice / "model.safetensors").is_file():
        raise ValueError(f"init_from: {voice} is no voice; give the folder of a trained one")
    weights = load_file(voice / "model.safetensors")
    theirs = yaml.safe_load((voice / "config.yaml").read_text())["symbols"]
    mine, copied = model.state_dict(), 0
    kept = {name for name in mine if name.endswith(("_mean", "_std"))}  # of the new corpus
    for name, tensor in weights.items():
        if name in kept or name not in mine:
            continue
        if name == "decoder.text_encoder.embedding.weight":
            for index, symbol in enumerate(symbols):
                if symbol in theirs:
                    mine[name][index] = tensor[theirs.index(symbol)]
        elif mine[name].shape == tensor.shape:
            mine[name].copy_(tensor)
        else:
            continue
        copied += 1
    return copied


def _card(config: Mapping[str, Any], metrics: Mapping[str, float], git: str) -> str:
    return (
        f"# {config['name']}\n\n"
        f"Trained on the corpus `{config['corpus']['name']}` for {config['steps']} steps, batch "
        f"{config['batch_size']}, seed {config['seed']}, torch {torch.__version__}, "
        f"{platform.machine()}, git {git}.\n\n"
        f"{validation_table(metrics)}"
    )
