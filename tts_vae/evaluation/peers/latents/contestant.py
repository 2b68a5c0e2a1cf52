"""What takes part in a comparison: a training step, and what quality is read off it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor, nn

from tts_vae.evaluation.peers.outside_measures import (
    Decode,
    Encode,
    code_perplexity,
    importance_bound,
    mixture_log_density,
)

Mixture = tuple[Tensor, Tensor, Tensor]


@dataclass
class Contestant:
    """One library's way of doing the work.

    Attributes:
        name: of the library, with its version.
        step: does the work once: a training step on a batch, or a whole fit.
        module: the networks, put into evaluation mode to be measured; None without any.
        encode: images -> mean and standard deviation of q(z | x), where there is a posterior.
        decode: z -> logits of the pixels, where there is a posterior.
        reconstruct: observations -> what they are taken for, where there are no densities.
        codes: observations -> int64 codes (n, steps) or (n, steps, levels), where there are any.
        mixture: weights, means and covariances of a fitted density, where there is one.
    """

    name: str
    step: Callable[[Any], object]
    module: nn.Module | None = None
    encode: Encode | None = None
    decode: Decode | None = None
    reconstruct: Callable[[Tensor], Tensor] | None = None
    codes: Callable[[Tensor], Tensor] | None = None
    mixture: Callable[[], Mixture] | None = None


def require(package: str, *modules: str) -> tuple[Any, ...]:
    """Import modules of a peer.

    Args:
        package: its name where it is installed from.
        modules: dotted names.

    Raises:
        ImportError: in one line that names the extra, if the package is not installed.
    """
    try:
        return tuple(import_module(module) for module in modules)
    except ImportError as error:
        raise ImportError(
            f"{package} cannot be imported ({error}); pip install 'tts_vae[bench]'"
        ) from error


def named(package: str, detail: str = "") -> str:
    """Name and version of a peer, and which part of it."""
    return " ".join(filter(None, (package, version(package), detail)))


@torch.no_grad()
def measure(
    contestant: Contestant, observations: Tensor, draws: int = 500, chunk: int = 50, seed: int = 0
) -> dict[str, float]:
    """Measure a contestant on observations (n, ...) that it was not trained on.

    Returns:
        Of what applies: "bound" (L_k, nats), "log density" (nats), "mse", "perplexity".
    """
    found: dict[str, float] = {}
    if contestant.module is not None:
        contestant.module.eval()
    if contestant.encode is not None and contestant.decode is not None:
        bound = importance_bound(
            contestant.encode, contestant.decode, observations, draws, chunk, seed
        )
        found["bound"] = float(bound.mean())
    if contestant.mixture is not None:
        found["log density"] = float(
            mixture_log_density(*contestant.mixture(), observations).mean()
        )
    if contestant.reconstruct is not None:
        errors = contestant.reconstruct(observations).reshape_as(observations) - observations
        found["mse"] = float(errors.double().square().mean())
    if contestant.codes is not None:
        found["perplexity"] = code_perplexity(contestant.codes(observations))
    if contestant.module is not None:
        contestant.module.train()
    return found
