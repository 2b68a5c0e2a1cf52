"""What happens around the steps: starting the mixture, watching for collapse, the bar."""

import warnings
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, TQDMProgressBar
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from tts_vae.latents.contract import Latent
from tts_vae.latents.divergences import log_responsibilities
from tts_vae.latents.mixture import MixtureLatent
from tts_vae.training.module import LatentModule


@torch.no_grad()
def posterior_means(module: LatentModule, dataloader: Any, limit: int = 2000) -> dict[str, Any]:
    """Posterior mean of every site over a data loader.

    Returns:
        site -> (items, width) float32 array, at most about ``limit`` items.
    """
    was_training = module.training
    module.eval()
    values: dict[str, list[Any]] = {name: [] for name in module.model.sites}
    seen = 0
    for batch in dataloader:
        batch = batch.to(module.device)
        conditions = {s: getattr(batch, n) for s, n in module.model.conditions.items()}
        sites = module.model.infer(
            batch.observation, batch.observation_mask, conditions, mode="mean"
        )
        for name, output in sites.items():
            values[name].append(output.z.float().cpu().numpy())
        seen += len(batch.ids)
        if seen >= limit:
            break
    module.train(was_training)
    return {name: np.concatenate(parts) for name, parts in values.items()}


@torch.no_grad()
def component_usage(latent: Latent, codes: torch.Tensor) -> torch.Tensor | None:
    """Share of each mixture component over codes (items, width); None without a mixture."""
    if not isinstance(latent, MixtureLatent):
        return None
    logits = log_responsibilities(codes, latent.means, latent.scales, latent.log_weights)
    return logits.exp().mean(0)


class MixtureStart(Callback):
    """Start a mixture prior by expectation-maximisation on the posterior means.

    VaDE (Jiang et al. 2017, arXiv 1611.05148, 3.2): train as an auto-encoder first, fit a mixture
    to the codes, then open the KL. Without it one component tends to win everything.

    Args:
        step: optimiser step at which the mixture is fitted.
        seed: seed of the fit.
    """

    def __init__(self, step: int = 300, seed: int = 0) -> None:
        self.step = step
        self.seed = seed

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: Any, batch: Any, batch_idx: int
    ) -> None:
        """Fit once, exactly at ``step``."""
        if trainer.global_step != self.step:
            return
        mixtures = {n: x for n, x in module.model.sites.items() if isinstance(x, MixtureLatent)}
        if not mixtures:
            return
        # a loader of its own: the one in use must not lose its place
        means = posterior_means(module, trainer.datamodule.train_dataloader())  # type: ignore[attr-defined]
        for name, latent in mixtures.items():
            codes = means[name].astype(np.float64)
            spread = codes.var(0).mean()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                fit = GaussianMixture(
                    latent.components,
                    covariance_type="diag",
                    n_init=2,
                    max_iter=50,
                    reg_covar=1e-3 * float(spread) + 1e-6,
                    random_state=self.seed,
                ).fit(codes)
            fitted = (fit.means_, np.sqrt(fit.covariances_), fit.weights_)
            # each process has fitted its share of the corpus; the first one's fit is for all
            shared = trainer.strategy.broadcast(fitted)
            latent.initialise(*(torch.tensor(x).float().to(module.device) for x in shared))


HOLD_OPEN = (
    "objective=capacity (holds the KL open), a longer objective.beta warm-up, or free_bits_nats"
)
LEARN_MORE = "a later collapse.after_step, or a higher optimizer.learning_rate"


class CollapseError(ValueError):
    """A latent carries nothing; the message says what to try."""


class CollapseWatch(Callback):
    """Stops a run whose latent carries nothing, saying what to try.

    Args:
        after_step: no judgement before this step (the KL is still opening).
        min_kl_nats: a site below this mean KL has collapsed.
        min_active_units: dimensions with Var(E[z_d]) > 0.01 that must remain.
    """

    def __init__(
        self, after_step: int = 1000, min_kl_nats: float = 0.5, min_active_units: int = 1
    ) -> None:
        self.after_step = after_step
        self.min_kl_nats = min_kl_nats
        self.min_active_units = min_active_units

    def on_validation_epoch_end(self, trainer: lightning.Trainer, module: Any) -> None:
        """Check the prosody site on the validation split.

        Raises:
            CollapseError: naming the site, its KL, its active units and the remedies.
        """
        if trainer.sanity_checking:
            return
        means = posterior_means(module, trainer.val_dataloaders, limit=500)
        for name, latent in module.model.sites.items():
            active = int((means[name].var(0) > 0.01).sum())
            module.log(f"valid/active_units/{name}", float(active))
            kl = trainer.callback_metrics.get(f"valid/kl/{name}")
            gone = active < self.min_active_units
            held = latent.prior((1,)) is not None and name not in module.model.conditions
            if kl is not None and held:
                gone = gone or float(kl) < self.min_kl_nats
            if gone and trainer.global_step >= self.after_step and len(means[name]) > 1:
                raise CollapseError(
                    f"site {name!r} has collapsed at step {trainer.global_step}: KL "
                    f"{float(kl) if kl is not None else float('nan'):.2f} nats, {active} active"
                    f" units; try {HOLD_OPEN if held else LEARN_MORE}"
                )


class ProgressBar(TQDMProgressBar):
    """Lightning's bar without the version number, which here is always the same."""

    def get_metrics(self, trainer: lightning.Trainer, pl_module: Any) -> dict[str, Any]:
        """What stands at the end of the bar."""
        items = super().get_metrics(trainer, pl_module)
        items.pop("v_num", None)
        return items
