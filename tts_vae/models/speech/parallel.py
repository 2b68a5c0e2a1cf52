"""Parallel decoder: p(mels, durations, pitch, energy | phones, z), all frames at once.

In the line of FastSpeech 2 (Ren et al. 2021, arXiv 2006.04558) and FastPitch (Lancucki 2021,
arXiv 2006.06873): duration, pitch and energy of every phone are predicted from text and style,
fed back explicitly, and can be shifted in physical units at synthesis.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from tts_vae.models.likelihoods import Likelihood
from tts_vae.models.speech.contract import Generated, SpeechTargets
from tts_vae.models.speech.drawn_values import draws_of, explain_draws
from tts_vae.models.speech.gain import with_gain
from tts_vae.models.speech.harmonics import HarmonicComb
from tts_vae.models.speech.layers import ConvStack, MaskedConv, take_steps
from tts_vae.models.speech.phone_predictor import PhonePredictor
from tts_vae.models.speech.pitch_range import with_range
from tts_vae.models.speech.style_door import StyleDoor
from tts_vae.models.speech.upsampling import (
    frame_to_phone,
    glide,
    phone_positions,
    stretched,
    whole_frames,
)


class ParallelDecoder(nn.Module):
    """Text encoder, phone predictors, upsampling by duration, convolutional mel decoder.

    Args:
        text_encoder: tokens -> (batch, phones, text_encoder.width).
        site_widths: site -> width of its z.
        n_mels: mel bands.
        likelihoods: observation models with explicit scales for ``mels`` (nepers per bin),
            ``duration`` (log frames), ``length`` (log frames of the whole utterance),
            ``pitch`` (semitones) and ``energy`` (dB). ``length`` observes a statistic of the
            durations once more: it makes the sum of durations right, not only each median.
        width: channels of the mel decoder.
        layers: blocks of the mel decoder.
        kernel_size: frames a block sees.
        style_width: width of the per-phone style.
        predictor_layers: blocks of each phone predictor.
        dropout: dropout of the phone predictors.
        comb: shows the decoder where the harmonics of the pitch fall, or None.
        level_site: site (one value per utterance) that alone says the usual pitch of a speaker;
            text and style then say only the deviation from it, so that prosody taken from another
            speaker is relative, and the level changes with the speaker. It needs a likelihood
            ``pitch_level`` (semitones), wide enough that only speakers differ by it.
    """

    pitch_st_mean: Tensor
    pitch_st_std: Tensor
    energy_db_mean: Tensor
    energy_db_std: Tensor
    mels_mean: Tensor

    def __init__(
        self,
        text_encoder: nn.Module,
        site_widths: Mapping[str, int],
        n_mels: int,
        likelihoods: Mapping[str, Likelihood],
        width: int = 256,
        layers: int = 5,
        kernel_size: int = 5,
        style_width: int = 128,
        predictor_layers: int = 2,
        dropout: float = 0.1,
        comb: HarmonicComb | None = None,
        level_site: str | None = None,
    ) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        text_width: int = text_encoder.width  # type: ignore[assignment]
        self.door = StyleDoor(site_widths, style_width)
        self.likelihoods = nn.ModuleDict(likelihoods)
        self.predictors = nn.ModuleDict(
            {
                name: PhonePredictor(text_width, style_width, predictor_layers, 5, dropout)
                for name in ("duration", "pitch", "energy")
            }
        )
        self.contours = MaskedConv(2, text_width, 3)
        self.position = nn.Sequential(nn.Linear(4, width), nn.GELU(), nn.Linear(width, width))
        self.comb = comb
        self.level_site = level_site
        if level_site is not None:
            self.pitch_level = nn.Linear(site_widths[level_site], 1)
            nn.init.zeros_(self.pitch_level.bias)
            self.pitch_sites = sorted(set(site_widths) - {level_site})
            self.pitch_door = StyleDoor({s: site_widths[s] for s in self.pitch_sites}, style_width)
        self.widen = nn.Linear(text_width, width)
        self.style = nn.Linear(style_width, width)
        self.stack = ConvStack(width, layers, kernel_size, style_width)
        self.output = nn.Linear(width, n_mels)
        for name in ("log_duration", "pitch_st", "energy_db"):
            self.register_buffer(f"{name}_mean", torch.zeros(()))
            self.register_buffer(f"{name}_std", torch.ones(()))
        self.register_buffer("mels_mean", torch.zeros(n_mels))

    @torch.no_grad()
    def fit_statistics(self, batches: Sequence[SpeechTargets]) -> None:
        """Set the units of predictors and mels from data; call once before training."""
        columns: dict[str, list[Tensor]] = {"log_duration": [], "pitch_st": [], "energy_db": []}
        frames = []
        for batch in batches:
            real, voiced = batch.token_mask, batch.token_mask & (batch.voiced > 0.5)
            if batch.durations is not None:
                columns["log_duration"].append(_log_frames(batch.durations)[real])
            columns["pitch_st"].append(batch.pitch_st[voiced])
            columns["energy_db"].append(batch.energy_db[real])
            frames.append(batch.mels[batch.mel_mask].float())
        for name, parts in columns.items():
            values = torch.cat(parts).float()
            if len(values) > 1:
                getattr(self, f"{name}_mean").copy_(values.mean())
                getattr(self, f"{name}_std").copy_(values.std().clamp(min=1e-3))
        self.mels_mean.copy_(torch.cat(frames).mean(0))

    def _predict(self, name: str, text: Tensor, mask: Tensor, style: Tensor) -> Tensor:
        mean, std = getattr(self, f"{name}_mean"), getattr(self, f"{name}_std")
        predictor = self.predictors[name.removeprefix("log_").split("_")[0]]
        return mean + std * predictor(text, mask, style)

    def _pitch_level(self, values: Mapping[str, Tensor]) -> Tensor | None:
        """Usual pitch in semitones, (batch, 1) or (batch, phones), from the level site alone."""
        if self.level_site is None:
            return None
        z = values[self.level_site].float()
        with torch.autocast(z.device.type, enabled=False):
            level = self.pitch_level(z)
        level = self.pitch_st_mean + self.pitch_st_std * level
        return level if z.dim() == 2 else level.squeeze(-1)

    def _predict_pitch(
        self,
        text: Tensor,
        mask: Tensor,
        style: Tensor,
        values: Mapping[str, Tensor],
        level: Tensor | None,
    ) -> Tensor:
        """Level and deviation; the deviation never sees the level site, so it must be relative."""
        if level is None:
            return self._predict("pitch_st", text, mask, style)
        style = self.pitch_door({site: values[site] for site in self.pitch_sites}, text.shape[1])
        pitch_st = self._predict("pitch_st", text, mask, style)
        # a precise pitch must not reach the level site: only the wide ``pitch_level`` teaches it
        return pitch_st - self.pitch_st_mean + level.detach()

    def _decode(
        self,
        text: Tensor,
        token_mask: Tensor,
        style: Tensor,
        durations: Tensor,
        pitch_st: Tensor,
        energy_db: Tensor,
        mel_mask: Tensor,
    ) -> Tensor:
        contours = torch.stack(
            [
                (pitch_st - self.pitch_st_mean) / self.pitch_st_std,
                (energy_db - self.energy_db_mean) / self.energy_db_std,
            ],
            dim=-1,
        )
        hidden = self.widen(text + self.contours(contours, token_mask)) + self.style(style)
        index = frame_to_phone(durations, mel_mask.shape[1])
        positions = phone_positions(durations, index)
        x = take_steps(hidden, index) + self.position(positions)
        if self.comb is not None:
            x = x + self.comb(glide(pitch_st, token_mask, index, positions[..., 0]))
        x = self.stack(x, mel_mask, style, gather=index)
        return self.output(x).float() + self.mels_mean

    def forward(
        self, batch: SpeechTargets, values: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Explain a batch with known durations, pitch and energy (teacher forcing).

        Args:
            batch: targets; ``durations`` must be known and sum to the frames of each mel.
            values: site -> z, (*samples, batch, width) or per phone (batch, phones, width).

        Returns:
            Log-likelihood terms, each (*samples, batch) nats, and predictions.

        Raises:
            ValueError: if the batch has no durations.
        """
        if batch.durations is None:
            raise ValueError(
                "this decoder needs durations; run recipes/align.py on the corpus first"
            )
        if draws := draws_of(values, batch):
            return explain_draws(self.forward, batch, values, draws)
        tokens, token_mask = batch.tokens, batch.token_mask
        text = self.text_encoder(tokens, token_mask)
        style = self.door(values, tokens.shape[1])
        log_duration = self._predict("log_duration", text, token_mask, style)
        level = self._pitch_level(values)
        pitch_st = self._predict_pitch(text, token_mask, style, values, level)
        energy_db = self._predict("energy_db", text, token_mask, style)
        mels = self._decode(
            text,
            token_mask,
            style,
            batch.durations,
            batch.pitch_st,
            batch.energy_db,
            batch.mel_mask,
        )
        real = token_mask.float()
        voiced = real * (batch.voiced > 0.5)
        frames = batch.durations.sum(1).clamp(min=1)
        predicted_frames = (torch.exp(log_duration) * real).sum(1)
        likelihoods: dict[str, Likelihood] = dict(self.likelihoods.items())  # type: ignore[arg-type]
        log_prob = {name: likelihood.log_prob for name, likelihood in likelihoods.items()}
        terms = {
            "mels": (log_prob["mels"](mels, batch.mels) * batch.mel_mask.unsqueeze(-1)).sum((1, 2)),
            "duration": (
                log_prob["duration"](log_duration, _log_frames(batch.durations)) * real
            ).sum(1),
            "length": log_prob["length"](torch.log(predicted_frames), torch.log(frames.float())),
            "pitch": (log_prob["pitch"](pitch_st, batch.pitch_st) * voiced).sum(1),
            "energy": (log_prob["energy"](energy_db, batch.energy_db) * real).sum(1),
        }
        if level is not None:
            usual = (batch.pitch_st * voiced).sum(1) / voiced.sum(1).clamp(min=1)
            known = (voiced.sum(1) > 0).float()
            terms["pitch_level"] = log_prob["pitch_level"](level.mean(1), usual) * known
        predictions = {
            "mels": mels,
            "log_duration": log_duration,
            "pitch_st": pitch_st,
            "energy_db": energy_db,
        }
        return terms, predictions

    def errors(self, batch: SpeechTargets, predictions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Mean absolute error of the mels in nepers."""
        mask = batch.mel_mask.unsqueeze(-1)
        error = (predictions["mels"] - batch.mels).abs() * mask
        return {"mel_l1": error.sum() / (mask.sum() * error.shape[-1])}

    def generate(
        self,
        tokens: Tensor,
        token_mask: Tensor,
        values: Mapping[str, Tensor],
        *,
        pitch_shift_st: float | Tensor = 0.0,
        rate: float | Tensor = 1.0,
        energy_shift_db: float | Tensor = 0.0,
        pitch_range: float | Tensor = 1.0,
        sounding: Tensor | None = None,
        stretch: float | Tensor = 1.0,
        durations: Tensor | None = None,
    ) -> Generated:
        """Speak tokens in a style.

        Args:
            tokens: (batch, phones) int64.
            token_mask: (batch, phones) bool.
            values: site -> (batch, width) or (batch, phones, width).
            pitch_shift_st: semitones added to the predicted pitch; scalar or (batch, phones).
            rate: speaking rate factor; 2 is twice as fast; scalar or (batch, phones).
            energy_shift_db: gain of each phone, exact in the log-mel domain; scalar or per phone.
            pitch_range: factor of a phone's deviation from the middle of its utterance; likewise.
            sounding: (batch, phones) bool: no pauses, their pitch makes the middle; None for all.
            stretch: factor of a phone's predicted frames; where it is 1 they stay exactly the same.
            durations: (batch, phones) frames to use in place of the predicted ones.
        """
        text = self.text_encoder(tokens, token_mask)
        style = self.door(values, tokens.shape[1])
        if durations is None:
            wanted = torch.exp(self._predict("log_duration", text, token_mask, style)) / rate
            durations = stretched(whole_frames(wanted, token_mask), stretch)
        level = self._pitch_level(values)
        pitch_st = self._predict_pitch(text, token_mask, style, values, level)
        counted = token_mask if sounding is None else token_mask & sounding
        pitch_st = with_range(pitch_st, pitch_range, durations, counted) + pitch_shift_st
        energy_db = self._predict("energy_db", text, token_mask, style)
        lengths = durations.sum(1)
        frames = int(lengths.max())
        mel_mask = torch.arange(frames, device=tokens.device) < lengths.unsqueeze(1)
        mels = self._decode(text, token_mask, style, durations, pitch_st, energy_db, mel_mask)
        gain_db = torch.zeros_like(energy_db) + energy_shift_db
        mels = with_gain(mels, gain_db, durations, frames)
        return Generated(
            mels * mel_mask.unsqueeze(-1), mel_mask, durations, pitch_st, energy_db + gain_db
        )


def _log_frames(durations: Tensor) -> Tensor:
    return torch.log(durations.float().clamp(min=0.5))
