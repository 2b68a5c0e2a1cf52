"""What happens around the steps: watching for collapse, the bar."""

from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, TQDMProgressBar

from tts_vae.latents.code_latent import CodeLatent
from tts_vae.training.site_values import codes_in_use, encode_sites

HOLD_OPEN = (
    "objective=capacity (holds the KL open), a longer objective.beta warm-up, or free_bits_nats"
)
USE_CODES = (
    "kmeans_start=true, a larger revival_threshold or a smaller revival_patience of the latent, or "
    "a smaller objective.penalties.commitment"
)
LEARN_MORE = "a later collapse.after_step, or a higher optimizer.learning_rate"


FEWEST_CODES = 8
"""Fewer validation codes may be the same one by chance."""


class CollapseError(ValueError):
    """A latent carries nothing; the message says what to try."""


class CollapseWatch(Callback):
    """Stops a run whose latent carries nothing, saying what to try.

    Args:
        after_step: no judgement before this step (the KL is still opening).
        min_kl_nats: a site below this mean KL has collapsed.
        min_active_units: dimensions with Var(E[z_d]) > 0.01 that must remain, of a latent without
            codes.
        min_perplexity: of the codes over the validation split; below it, one code wins them all.
    """

    def __init__(
        self,
        after_step: int = 1000,
        min_kl_nats: float = 0.5,
        min_active_units: int = 1,
        min_perplexity: float = 1.2,
    ) -> None:
        self.after_step = after_step
        self.min_kl_nats = min_kl_nats
        self.min_active_units = min_active_units
        self.min_perplexity = min_perplexity

    def on_validation_epoch_end(self, trainer: lightning.Trainer, module: Any) -> None:
        """Check every site on the validation split.

        Raises:
            CollapseError: naming the site, what it still carries, and the remedies.
        """
        if trainer.sanity_checking:
            return
        found = encode_sites(module, trainer.val_dataloaders, limit=500)
        for name, latent in module.model.sites.items():
            means, codes = found[name].means, found[name].codes
            if codes is None:
                active = int((means.var(0) > 0.01).sum())
                module.log(f"valid/active_units/{name}", float(active))
                gone, carried = active < self.min_active_units, f"{active} active units"
            else:
                in_use = codes_in_use(codes)
                module.log(f"valid/perplexity/{name}", in_use)
                gone = in_use < self.min_perplexity and len(codes) >= FEWEST_CODES
                carried = f"perplexity {in_use:.2f}"
            if not isinstance(latent, CodeLatent):  # else there is no KL
                kl = float(trainer.callback_metrics.get(f"valid/kl/{name}", float("nan")))
                parents = getattr(latent, "context_width", 0)  # a prior on them needs their z
                context = torch.zeros(1, parents, device=module.device) if parents else None
                prior = latent.prior((1,), context=context)
                held = prior is not None and name not in module.model.conditions
                gone = gone or (held and kl < self.min_kl_nats)
                carried = f"KL {kl:.2f} nats, {carried}"
                remedy = HOLD_OPEN if held else LEARN_MORE
            else:
                remedy = USE_CODES
            if gone and trainer.global_step >= self.after_step and len(means) > 1:
                raise CollapseError(
                    f"site {name!r} has collapsed at step {trainer.global_step}: {carried}; "
                    f"try {remedy}"
                )


class ProgressBar(TQDMProgressBar):
    """Lightning's bar without the version number, which here is always the same."""

    def get_metrics(self, trainer: lightning.Trainer, pl_module: Any) -> dict[str, Any]:
        """What stands at the end of the bar."""
        items = super().get_metrics(trainer, pl_module)
        items.pop("v_num", None)
        return items
