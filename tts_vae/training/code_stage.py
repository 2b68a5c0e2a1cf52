"""The second stage of a model with codes: one prior for every site, and images drawn from them.

VQ-VAE-2 (Razavi et al. 2019, arXiv 1906.00446, section 3.2): the prior of a site below another
reads the codes above it. DALL-E (Ramesh et al. 2021, arXiv 2102.12092): the prior reads a caption.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tts_vae.corpora import captions
from tts_vae.models.latent_model import LatentModel
from tts_vae.synthesis.bundle import instantiate
from tts_vae.training.code_prior import nats_per_code, train_prior
from tts_vae.training.image_data import ImageData

CONDITIONS = ("labels", "captions")


@dataclass
class CodePriors:
    """A model of codes with a prior over them.

    Attributes:
        model: first stage.
        networks: site -> prior over its codes, in the order of the sites.
        condition: "labels" or "captions": what the priors are told.
        nats_per_code: site -> mean of -log p over the codes of the test split.
    """

    model: LatentModel
    networks: dict[str, nn.Module]
    condition: str
    nats_per_code: dict[str, float]

    @torch.no_grad()
    def sample(
        self, labels: Tensor, temperature: float = 1.0, top_k: int | None = None, seed: int = 0
    ) -> Tensor:
        """Draw mean images (n, channels, height, width) of digits (n,), site by site."""
        generator = torch.Generator().manual_seed(seed)
        told = _condition(self.condition, labels, seed)
        values: dict[str, Tensor] = {}
        for site, prior in self.networks.items():
            latent = self.model.sites[site]
            above = _above(self.model, site, values)
            options = {"temperature": temperature, "top_k": top_k, "generator": generator}
            if self.condition == "captions":
                codes = prior.sample(told, condition_mask=told >= 0, **options)  # type: ignore[operator]
                codes = codes.reshape(len(labels), *_grid(codes.shape[1]))
            else:
                codes = prior.sample(len(labels), told, above, **options)  # type: ignore[operator]
            values[site] = latent.codes_to_z(codes)  # type: ignore[operator]
        condition = labels if getattr(self.model.decoder, "classes", 0) else None
        return self.model.decoder.generate(values, condition)  # type: ignore[operator]


def train_code_priors(
    model: LatentModel, data: ImageData, config: Mapping[str, Any], output: Path, seed: int
) -> CodePriors:
    """Train a prior for every site that ``config["networks"]`` names.

    Args:
        model: trained first stage.
        data: the images.
        config: ``networks`` (site -> ``_target_`` tree), ``condition``, and arguments of
            :func:`train_prior`.
        output: folder of the run; a finished prior in it is read, a stopped one goes on.
        seed: of the networks, the order of batches and the captions.

    Raises:
        ValueError: if the condition is unknown, or a named site has no codes.
    """
    if config["condition"] not in CONDITIONS:
        raise ValueError(
            f"prior.condition must be one of {', '.join(CONDITIONS)}, got {config['condition']!r}"
        )
    parts = {name: _codes(model, batches) for name, batches in _splits(data).items()}
    labels = {"train": data.train.labels, "test": data.test.labels}
    options = {k: v for k, v in config.items() if k not in ("networks", "condition")}
    networks, nats = {}, {}
    for site in model.sites:
        if site not in config["networks"]:
            continue
        torch.manual_seed(seed)
        prior = instantiate(config["networks"][site])
        if site not in parts["train"][0]:
            raise ValueError(f"site {site!r} has no codes for a prior; choose latent=vq")
        conditions: dict[str, dict[str, Tensor]] = {}
        for split, (_, values) in parts.items():
            conditions[split] = {"condition": _condition(config["condition"], labels[split], seed)}
            above = _above(model, site, values)
            if above is not None:
                conditions[split]["above"] = above
        train_prior(
            prior,
            parts["train"][0][site],
            conditions["train"],
            output=output / f"prior_{site}",
            resume=True,
            valid_codes=parts["test"][0][site],
            valid_conditions=conditions["test"],
            seed=seed,
            **options,
        )
        networks[site] = prior
        nats[site] = nats_per_code(prior, parts["test"][0][site], conditions["test"])
    return CodePriors(model, networks, config["condition"], nats)


def _splits(data: ImageData) -> dict[str, Any]:
    return {"train": data.sample_batches(), "test": data.val_dataloader()}


@torch.no_grad()
def _codes(model: LatentModel, batches: Any) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Codes and z of every site with codes, site -> (items, ...)."""
    codes: dict[str, list[Tensor]] = {}
    values: dict[str, list[Tensor]] = {}
    for batch in batches:
        for site, found in model(batch, mode="mean").sites.items():
            if found.codes is not None:
                codes.setdefault(site, []).append(found.codes)
                values.setdefault(site, []).append(found.z)
    return (
        {site: torch.cat(each) for site, each in codes.items()},
        {site: torch.cat(each) for site, each in values.items()},
    )


def _above(model: LatentModel, site: str, values: Mapping[str, Tensor]) -> Tensor | None:
    """What the prior of a site reads of its parents' z: side by side, or None."""
    parents = model.parents.get(site, ())
    return torch.cat([values[parent] for parent in parents], -1) if parents else None


def _condition(kind: str, labels: Tensor, seed: int) -> Tensor:
    return labels if kind == "labels" else captions.draw(labels, seed)


def _grid(codes: int) -> tuple[int, int]:
    side = round(codes**0.5)
    return (side, codes // side)
