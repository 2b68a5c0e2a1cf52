"""What Tacotron 2 is scored by: log-likelihoods in nats, and errors in the units of the data."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tts_vae.models.likelihoods import Likelihood
from tts_vae.models.speech.contract import SpeechTargets
from tts_vae.models.speech.tacotron_recurrence import Unrolled
from tts_vae.models.speech.upsampling import frame_to_phone


def observation_terms(
    likelihoods: Mapping[str, Likelihood],
    batch: SpeechTargets,
    unrolled: Unrolled,
    before: Tensor,
    after: Tensor,
    step_mask: Tensor,
) -> dict[str, Tensor]:
    """Log-likelihood (batch,) nats of mels before and after the postnet and of the stop.

    Args:
        likelihoods: ``mels``, ``mels_before``, ``stop``.
        batch: targets.
        unrolled: all steps.
        before: (batch, frames, n_mels) nepers.
        after: (batch, frames, n_mels) nepers.
        step_mask: (batch, steps) bool, True up to the step of the last frame, which is the stop.
    """
    real = batch.mel_mask.unsqueeze(-1)
    ends = step_mask.sum(1, keepdim=True) == 1 + torch.arange(
        step_mask.shape[1], device=step_mask.device
    )
    stop = likelihoods["stop"].log_prob(unrolled.stop_logits, ends.float())
    return {
        "mels": (likelihoods["mels"].log_prob(after, batch.mels) * real).sum((1, 2)),
        "mels_before": (likelihoods["mels_before"].log_prob(before, batch.mels) * real).sum((1, 2)),
        "stop": (stop * step_mask).sum(1),
    }


class PitchLevel(nn.Module):
    """The usual pitch of an utterance, said by a site: it teaches the site, nothing reads it.

    Args:
        site_width: width of the site's z.
    """

    pitch_st_mean: Tensor

    def __init__(self, site_width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(site_width, 1)
        self.register_buffer("pitch_st_mean", torch.zeros(()))

    def forward(self, batch: SpeechTargets, z: Tensor, likelihood: Likelihood) -> Tensor:
        """Nats (batch,) of the mean pitch of voiced phones given z; 0 where none is voiced."""
        with torch.autocast(z.device.type, enabled=False):
            level = self.linear(z.float()).reshape(len(z), -1).mean(1) + self.pitch_st_mean
        voiced = batch.token_mask * (batch.voiced > 0.5)
        usual = (batch.pitch_st * voiced).sum(1) / voiced.sum(1).clamp(min=1)
        return likelihood.log_prob(level, usual) * (voiced.sum(1) > 0)


def decoder_errors(
    batch: SpeechTargets, predictions: Mapping[str, Tensor], frames_per_step: int
) -> dict[str, Tensor]:
    """Mean absolute error of the mels in nepers, and how far the attention is off.

    ``attention_off`` is the share of frames whose most attended token is neither the true one nor
    a neighbour of it; only where durations are known.
    """
    mask = batch.mel_mask.unsqueeze(-1)
    error = (predictions["mels"] - batch.mels).abs() * mask
    found = {"mel_l1": error.sum() / (mask.sum() * error.shape[-1])}
    if batch.durations is not None:
        frames = batch.mel_mask.shape[1]
        step = torch.arange(frames, device=mask.device) // frames_per_step
        peak = predictions["alignments"].argmax(-1)[:, step]
        off = (peak - frame_to_phone(batch.durations, frames)).abs() > 1
        found["attention_off"] = (off & batch.mel_mask).sum() / batch.mel_mask.sum()
    return found
