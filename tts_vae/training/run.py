"""From one resolved configuration to a trained voice: what `recipes/train.py` and the CLI run."""

import logging
import platform
import subprocess
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning
import torch
import yaml
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from safetensors.torch import load_file

from tts_vae.audio.mel import MelConfig
from tts_vae.models.latent_model import LatentModel
from tts_vae.objectives.contract import Objective
from tts_vae.synthesis.bundle import instantiate, save_voice
from tts_vae.training.callbacks import (
    CollapseWatch,
    MixtureStart,
    component_usage,
    posterior_means,
)
from tts_vae.training.checkpoints import AtomicCheckpointIO
from tts_vae.training.data_module import SpeechData
from tts_vae.training.listen import Listen
from tts_vae.training.module import LatentModule

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
        ValueError: if the output already holds a run and ``resume`` is false.
    """
    output = Path(config["output"])
    checkpoint = output / "checkpoints" / "last.ckpt"
    if checkpoint.exists() and not config["resume"]:
        raise ValueError(
            f"{output} already holds a run; continue it with resume=true or choose another output="
        )
    lightning.seed_everything(config["seed"], verbose=False)
    model = instantiate(config["model"])
    if not checkpoint.exists():
        model.decoder.fit_statistics(data.sample_batches())
        if config["init_from"] is not None:
            copied = copy_weights(model, Path(config["init_from"]), data.table.symbols)
            log.info("%d tensors start from %s", copied, config["init_from"])
    module = LatentModule(model, objective, seed=config["seed"], **config["optimizer"])
    mel = MelConfig(**config["features"]["mel"])
    callbacks = [
        MixtureStart(**config["mixture_start"], seed=config["seed"]),
        CollapseWatch(**config["collapse"]),
        Listen(mel, **config["listen"]),
        ModelCheckpoint(
            checkpoint.parent, filename="last", save_top_k=1, enable_version_counter=False
        ),
        TQDMProgressBar(refresh_rate=10),
    ]
    settings = dict(config["trainer"])
    if settings["precision"] == "auto":
        settings["precision"] = "bf16-mixed" if _cpu_has_bf16() else "32-true"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="lightning")
        warnings.filterwarnings("ignore", category=FutureWarning, module="lightning")
        trainer = lightning.Trainer(
            **settings,
            callbacks=callbacks,
            plugins=[AtomicCheckpointIO()],
            logger=TensorBoardLogger(output, name="", version="tensorboard"),
            max_epochs=-1,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            enable_model_summary=False,
        )
        trainer.fit(module, data, ckpt_path=str(checkpoint) if checkpoint.exists() else None)
    if trainer.interrupted:
        raise KeyboardInterrupt
    return export_voice(output / "voice", config, module, data, _numbers(trainer))


def export_voice(
    folder: Path,
    config: Mapping[str, Any],
    module: LatentModule,
    data: SpeechData,
    metrics: Mapping[str, float],
) -> Path:
    """Write the trained model as a voice, with the styles its training posteriors show."""
    means = posterior_means(module.cpu().eval(), data.train_dataloader())
    sites: dict[str, Any] = {}
    for name, latent in module.model.sites.items():
        codes = torch.tensor(means[name])
        site: dict[str, Any] = {"default": codes.mean(0), "std": codes.std(0)}
        usage = component_usage(latent, codes)
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
        card=_card(config, metrics),
        metadata={
            "corpus": config["corpus"]["name"],
            "corpus_dir": str(config["corpus"]["dir"]),
            "level_db": config["corpus"]["level_db"],
            "experiment": config["name"],
            "steps": module.global_step or config["steps"],
            "seed": config["seed"],
            "git": _git_hash(),
            "metrics": dict(metrics),
        },
    )


def copy_weights(model: LatentModel, voice: Path, symbols: tuple[str, ...]) -> int:
    """Copy every tensor of a voice whose name and shape match; embeddings by symbol.

    Returns:
        The number of tensors copied.
    """
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


def _cpu_has_bf16() -> bool:
    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in checks)


def _numbers(trainer: lightning.Trainer) -> dict[str, float]:
    return {
        name: round(float(value), 4)
        for name, value in trainer.callback_metrics.items()
        if name.startswith("valid/")
    }


def _git_hash() -> str:
    try:
        command = ["git", "rev-parse", "--short", "HEAD"]
        here = Path(__file__).parent
        result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=here)
        return result.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _card(config: Mapping[str, Any], metrics: Mapping[str, float]) -> str:
    lines = "\n".join(f"| {name} | {value} |" for name, value in sorted(metrics.items()))
    return (
        f"# {config['name']}\n\n"
        f"Trained on the corpus `{config['corpus']['name']}` for {config['steps']} steps, batch "
        f"{config['batch_size']}, seed {config['seed']}, torch {torch.__version__}, "
        f"{platform.machine()}, git {_git_hash()}.\n\n"
        f"| validation | value |\n|---|---|\n{lines}\n"
    )
