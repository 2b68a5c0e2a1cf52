"""One Lightning module for every latent-variable model."""

from typing import Any

import torch
from torch import Tensor

from tts_vae.latents.contract import LatentOutput
from tts_vae.models.latent_model import LatentModel
from tts_vae.objectives.contract import Objective
from tts_vae.training.optimizer import FusedAdamW
from tts_vae.training.seeded_module import REMEDY, SeededModule, scheduled, warm_then_cosine


class LatentModule(SeededModule):
    """Trains a :class:`LatentModel` with an objective.

    The random state of every step is a function of the seed and the step alone, so that a resumed
    run continues exactly as an uninterrupted one.

    Args:
        model: the model.
        objective: ELBO or capacity objective.
        learning_rate: peak of the schedule (linear warm-up, then cosine to a twentieth).
        multiplier_learning_rate: for the Lagrange multipliers of a capacity objective.
        warmup_steps: steps of linear warm-up.
        total_steps: step at which the cosine ends.
        weight_decay: decoupled weight decay.
        seed: seed of every step's randomness.
        draws: of z for each example: the k of an importance-weighted bound.
    """

    def __init__(
        self,
        model: LatentModel,
        objective: Objective,
        learning_rate: float = 1e-3,
        multiplier_learning_rate: float = 2e-3,
        warmup_steps: int = 100,
        total_steps: int = 2000,
        weight_decay: float = 1e-2,
        seed: int = 0,
        draws: int = 1,
    ) -> None:
        super().__init__()
        if draws < 1:
            raise ValueError(f"draws must be at least 1, got {draws}")
        self.model = model
        self.objective = objective
        self.learning_rate = learning_rate
        self.multiplier_learning_rate = multiplier_learning_rate
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps
        self.weight_decay = weight_decay
        self.seed = seed
        self.draws = draws

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Make the step's randomness its own, and tell latents with a schedule the step."""
        super().on_train_batch_start(batch, batch_idx)
        for latent in self.model.sites.values():
            latent.set_step(self.global_step)
        if hasattr(self.model.decoder, "set_step"):
            self.model.decoder.set_step(self.global_step)  # type: ignore[operator]

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Score one batch.

        Raises:
            FloatingPointError: if the loss is not finite; the message says what to try.
        """
        output = self.model(batch, sample_shape=(self.draws,) if self.draws > 1 else ())
        result = self.objective(output.log_likelihood, output.sites, self.global_step)
        if not torch.isfinite(result.loss):
            bad = [n for n, t in output.terms.items() if not torch.isfinite(t).all()]
            bad += [f"kl_{n}" for n, s in output.sites.items() if not torch.isfinite(s.kl).all()]
            raise FloatingPointError(
                f"loss is not finite at step {self.global_step} (terms: {', '.join(bad) or 'all'});"
                f" {REMEDY}"
            )
        items = len(batch.observation)
        self._log("train", output.terms, output.sites, items)
        for name, value in result.terms.items():
            if name.startswith(("beta/", "penalty/")):
                self.log(f"train/{name}", value)
        mask = batch.observation_mask
        unit, steps = ("item", 1.0) if mask is None else ("frame", mask.sum() / items)
        self.log(f"nats/{unit}", result.loss.detach() / steps, prog_bar=True, logger=False)
        self.log("train/loss", result.loss.detach())
        return result.loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Score one batch at the posterior means."""
        output = self.model(batch, mode="mean")
        items = len(batch.observation)
        self._log("valid", output.terms, output.sites, items)
        for name, error in self.model.decoder.errors(batch, output.predictions).items():  # type: ignore[operator]
            self.log(f"valid/{name}", error, prog_bar=True, batch_size=items, sync_dist=True)

    def _log(
        self,
        stage: str,
        terms: dict[str, Tensor],
        sites: dict[str, LatentOutput],
        batch_size: int,
    ) -> None:
        together = stage == "valid"  # over processes
        for name, value in terms.items():
            self.log(
                f"{stage}/log_likelihood/{name}",
                value.mean(),
                batch_size=batch_size,
                sync_dist=together,
            )
        for name, site in sites.items():
            kl = site.kl.mean()
            self.log(f"{stage}/kl/{name}", kl, batch_size=batch_size, sync_dist=together)
            if stage == "train" and "perplexity" in site.statistics:
                self.log(f"train/perplexity/{name}", site.statistics["perplexity"].mean())
            if stage == "train":
                self.log(f"kl_{name}", kl.detach(), prog_bar=True, logger=False)

    def configure_optimizers(self) -> Any:
        """AdamW; Lagrange multipliers form a group of their own with their own step size."""
        multipliers = list(self.objective.parameters())
        optimizer = FusedAdamW(
            [
                {"params": list(self.model.parameters()), "lr": self.learning_rate},
                *(
                    [
                        {
                            "params": multipliers,
                            "lr": self.multiplier_learning_rate,
                            "weight_decay": 0.0,
                        }
                    ]
                    if multipliers
                    else []
                ),
            ],
            weight_decay=self.weight_decay,
            betas=(0.9, 0.98),
        )

        def factor(step: int) -> float:
            return warm_then_cosine(step, self.warmup_steps, self.total_steps)

        def constant(step: int) -> float:
            return 1.0

        return scheduled(optimizer, [factor, *([constant] if multipliers else [])])
