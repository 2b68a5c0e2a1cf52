"""What TensorBoard hears and sees while a voice trains."""

from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback

from tts_vae.audio.griffin_lim import GriffinLim
from tts_vae.audio.mel import MelConfig
from tts_vae.training.figures import alignment_figure, latent_map_figure, mels_figure
from tts_vae.training.site_values import posterior_means


class Listen(Callback):
    """Logs audio, mels, alignment and the latent map after a validation.

    Args:
        mel: analysis constants of the mels.
        every_epochs: epochs between two logs; logs where such an epoch has a validation.
        iterations: Griffin-Lim iterations.
    """

    def __init__(self, mel: MelConfig, every_epochs: int = 5, iterations: int = 30) -> None:
        self.mel = mel
        self.every_epochs = every_epochs
        self.vocoder = GriffinLim(mel, iterations=iterations)

    @torch.no_grad()
    def on_validation_epoch_end(self, trainer: lightning.Trainer, module: Any) -> None:
        """Speak the first validation item in its own style and log what came out."""
        writer = getattr(trainer.logger, "experiment", None)
        due = (trainer.current_epoch + 1) % self.every_epochs == 0
        if trainer.sanity_checking or writer is None or not due or not trainer.is_global_zero:
            return
        loader: Any = trainer.val_dataloaders
        batch = next(iter(loader)).to(module.device)
        model, step = module.model, trainer.global_step
        conditions = {s: getattr(batch, n) for s, n in model.conditions.items()}
        sites = model.infer(
            batch.observation,
            batch.observation_mask,
            conditions,
            encoder_conditions={s: getattr(batch, n) for s, n in model.encoder_conditions.items()},
            mode="mean",
        )
        values = {name: output.z[:1] for name, output in sites.items()}
        phones = int(batch.token_mask[0].sum())
        spoken = model.decoder.generate(
            batch.tokens[:1, :phones], batch.token_mask[:1, :phones], values
        )
        natural = batch.mels[0][batch.mel_mask[0]].float().cpu()
        mels = spoken.mels[0].float().cpu()
        writer.add_audio(
            "speech", self.vocoder(mels.unsqueeze(0))[0], step, sample_rate=self.mel.sample_rate
        )
        writer.add_figure("mels", mels_figure({"natural": natural, "synthesis": mels}), step)
        durations = {"synthesis": spoken.durations[0].cpu()}
        if batch.durations is not None:
            durations["natural"] = batch.durations[0, :phones].cpu()
        writer.add_figure("alignment", alignment_figure(durations), step)
        for name, codes in posterior_means(module, trainer.val_dataloaders, 500).items():
            writer.add_figure(f"latent_map/{name}", latent_map_figure(codes), step)
