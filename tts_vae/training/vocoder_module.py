"""The Lightning module of a vocoder: spectra first, critics from a step of one's choice."""

from typing import Any

import torch
from torch import Tensor, nn

from tts_vae.audio.mel import MelConfig, mel_basis
from tts_vae.models.vocoder.discriminators import Critics
from tts_vae.models.vocoder.istft_vocoder import IstftVocoder
from tts_vae.models.vocoder.losses import (
    MelLoss,
    StftLoss,
    critic_loss,
    feature_matching,
    generator_loss,
)
from tts_vae.training.optimizer import FusedAdamW
from tts_vae.training.seeded_module import REMEDY, SeededModule, scheduled, warm_then_cosine
from tts_vae.training.vocoder_data import VocoderBatch


class VocoderModule(SeededModule):
    """Trains a vocoder, and its critics beside it.

    Both are moved by one optimiser from one backward pass: the vocoder's loss meets critics whose
    weights are held, the critics' loss a waveform that is.

    Args:
        model: mels (batch, frames, n_mels) -> waveform (batch, frames * hop_length).
        mel: analysis constants of those mels, and of the mel loss.
        critics: judges of waveforms; None for spectral losses alone.
        stft: distance of two waveforms over several resolutions.
        learning_rate: peak of the schedule (linear warm-up, then cosine to a twentieth).
        critic_learning_rate: of the critics, on the same schedule.
        warmup_steps: steps of linear warm-up.
        total_steps: step at which the cosine ends.
        weight_decay: decoupled weight decay.
        gradient_norm: the vocoder's gradient is scaled down to this norm.
        mel_weight: of the mean absolute log-mel difference.
        stft_weight: of the multi-resolution STFT loss.
        pitch_weight: of reading the pitch from the mels, for a vocoder with a source.
        adversarial_weight: of the critics' opinion.
        feature_weight: of feature matching.
        start_step: the critics begin at this step.
        seed: seed of every step's randomness.
    """

    def __init__(
        self,
        model: IstftVocoder,
        mel: MelConfig,
        critics: Critics | None = None,
        stft: StftLoss | None = None,
        learning_rate: float = 1e-3,
        critic_learning_rate: float = 2e-4,
        warmup_steps: int = 100,
        total_steps: int = 10_000,
        weight_decay: float = 1e-2,
        gradient_norm: float = 10.0,
        mel_weight: float = 5.0,
        stft_weight: float = 1.0,
        pitch_weight: float = 0.2,
        adversarial_weight: float = 1.0,
        feature_weight: float = 2.0,
        start_step: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.model, self.critics = model, critics
        self.mel = MelLoss(mel_basis(mel), mel.hop_length, mel.win_length, mel.floor)
        self.stft = stft or StftLoss()
        self.learning_rate, self.critic_learning_rate = learning_rate, critic_learning_rate
        self.warmup_steps, self.total_steps = warmup_steps, total_steps
        self.weight_decay, self.gradient_norm = weight_decay, gradient_norm
        self.mel_weight, self.stft_weight = mel_weight, stft_weight
        self.pitch_weight = pitch_weight
        self.adversarial_weight, self.feature_weight = adversarial_weight, feature_weight
        self.start_step, self.seed = start_step, seed

    def training_step(self, batch: VocoderBatch, batch_idx: int) -> Tensor:
        """Score one batch.

        Raises:
            FloatingPointError: if the loss is not finite; the message says what to try.
        """
        audio: Tensor = self.model(batch.mels, f0_hz=batch.f0_hz, voiced=batch.voiced)
        terms = self._spectral(audio, batch.audio)
        loss = self.mel_weight * terms["mel_l1"] + self.stft_weight * terms["stft"]
        if batch.f0_hz is not None:
            terms["pitch"] = self.model.pitch_loss(batch.mels, batch.f0_hz)
            loss = loss + self.pitch_weight * terms["pitch"]
        if self.critics is not None and self.global_step >= self.start_step:
            judged = self._adversarial(audio, batch.audio)
            loss = loss + self.adversarial_weight * judged["adversarial"]
            loss = loss + self.feature_weight * judged["features"] + judged["critics"]
            terms |= judged
        if not torch.isfinite(loss):
            bad = [name for name, value in terms.items() if not torch.isfinite(value)]
            raise FloatingPointError(
                f"loss is not finite at step {self.global_step} (terms: {', '.join(bad) or 'all'});"
                f" {REMEDY}"
            )
        for name, value in terms.items():
            self.log(f"train/{name}", value.detach())
        self.log("mel_l1", terms["mel_l1"].detach(), prog_bar=True, logger=False)
        self.log("stft", terms["stft"].detach(), prog_bar=True, logger=False)
        return loss

    def validation_step(self, batch: VocoderBatch, batch_idx: int) -> None:
        """Score whole recordings, with the pitch that is read from their mels."""
        terms = self._spectral(self.model(batch.mels), batch.audio)
        if batch.f0_hz is not None:
            terms["pitch"] = self.model.pitch_loss(batch.mels, batch.f0_hz)
        for name, value in terms.items():
            self.log(f"valid/{name}", value, prog_bar=True, batch_size=len(batch), sync_dist=True)

    def _spectral(self, audio: Tensor, real: Tensor) -> dict[str, Tensor]:
        with torch.autocast(audio.device.type, enabled=False):
            audio = audio.float()
            # the recording is analysed again, not taken from batch.mels: these may be predicted,
            # and both waveforms have the same edges
            return {"mel_l1": self.mel(audio, real), "stft": self.stft(audio, real)}

    def _adversarial(self, audio: Tensor, real: Tensor) -> dict[str, Tensor]:
        critics = self.critics
        assert critics is not None
        truth, fake = critics(real), critics(audio.detach())
        critics.requires_grad_(False)  # what follows teaches the vocoder alone
        heard = critics(audio)
        critics.requires_grad_(True)
        return {
            "critics": critic_loss(truth.scores, fake.scores),
            "adversarial": generator_loss(heard.scores),
            "features": feature_matching(truth.features, heard.features),
        }

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Bound the step of the vocoder; critics may move as they like."""
        nn.utils.clip_grad_norm_(self.model.parameters(), self.gradient_norm)

    def configure_optimizers(self) -> Any:
        """AdamW; the critics form a group of their own with their own step size."""
        groups: list[dict[str, Any]] = [
            {"params": list(self.model.parameters()), "lr": self.learning_rate}
        ]
        if self.critics is not None:
            groups.append(
                {"params": list(self.critics.parameters()), "lr": self.critic_learning_rate}
            )
        optimizer = FusedAdamW(groups, weight_decay=self.weight_decay, betas=(0.8, 0.99))

        def factor(step: int) -> float:
            return warm_then_cosine(step, self.warmup_steps, self.total_steps)

        return scheduled(optimizer, [factor] * len(groups))
