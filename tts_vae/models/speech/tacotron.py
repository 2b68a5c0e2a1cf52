"""Tacotron 2 with a style for every phone: p(mels, stop | phones, z), one step after the other.

Shen et al. 2018 (arXiv 1712.05884); the latent joins the text memory as in Hsu et al. 2019
(arXiv 1810.07217, 2.3).
"""

import logging
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from tts_vae.models.likelihoods import Likelihood
from tts_vae.models.speech.attention import Attention
from tts_vae.models.speech.contract import Generated, SpeechTargets
from tts_vae.models.speech.drawn_values import draws_of, explain_draws
from tts_vae.models.speech.gain import with_gain
from tts_vae.models.speech.guided_attention import GuidedAttention, alignment_log_likelihood
from tts_vae.models.speech.style_door import StyleDoor
from tts_vae.models.speech.tacotron_cells import HiddenDropout, Zoneout
from tts_vae.models.speech.tacotron_controls import check_controls, reduction_schedule
from tts_vae.models.speech.tacotron_recurrence import TacotronRecurrence, Unrolled
from tts_vae.models.speech.tacotron_speaking import (
    Spoken,
    attended_frames,
    failures,
    frame_limits,
    free_running,
)
from tts_vae.models.speech.tacotron_terms import PitchLevel, decoder_errors, observation_terms

log = logging.getLogger(__name__)


class TacotronDecoder(nn.Module):
    """Text encoder, attention, two LSTMs and a postnet.

    Args:
        text_encoder: tokens, mask -> (batch, phones, text_encoder.width).
        site_widths: site -> width of its z; without sites nothing joins the memory.
        n_mels: mel bands.
        likelihoods: observation models with explicit scales for ``mels`` (after the postnet) and
            ``mels_before`` it (nepers per bin), ``stop`` (binary, one a step), and ``pitch_level``
            (semitones) where there is a ``level_site``.
        attention: how it attends.
        postnet: (mels, mask) -> residual, or None.
        style_width: width of the per-phone style beside the text.
        prenet_widths: units of the prenet.
        prenet_dropout: of the prenet, at synthesis too.
        attention_units: of the first LSTM.
        decoder_units: of the second LSTM.
        regulariser: zoneout or dropout of the LSTMs; None is zoneout 0.1.
        reduction: frames a step makes, or pairs (training step from which on, frames), the first
            from 0: few long steps align sooner, short ones sound better.
        alignment_weight: weight of the nats of the known alignment; 0 needs no durations.
        guided_attention: a diagonal to start with, or None.
        level_site: site that also explains the usual pitch of an utterance, or None.
        window: tokens the attention may go back and ahead in a step at synthesis, or None.
        frames_per_token: frames a token may take on average before a sentence is cut off.
        stop_threshold: probability from which on a stop is one.
        stuck_frames: so many frames at one token count as a failure.

    Raises:
        ValueError: if a likelihood is missing or the reductions do not start at step 0.
    """

    mels_mean: Tensor
    mels_std: Tensor
    frames_per_step: Tensor

    def __init__(
        self,
        text_encoder: nn.Module,
        site_widths: Mapping[str, int],
        n_mels: int,
        likelihoods: Mapping[str, Likelihood],
        attention: Attention,
        postnet: nn.Module | None = None,
        style_width: int = 64,
        prenet_widths: Sequence[int] = (256, 256),
        prenet_dropout: float = 0.5,
        attention_units: int = 1024,
        decoder_units: int = 1024,
        regulariser: Zoneout | HiddenDropout | None = None,
        reduction: int | Sequence[Sequence[int]] = 1,
        alignment_weight: float = 0.0,
        guided_attention: GuidedAttention | None = None,
        level_site: str | None = None,
        window: Sequence[int] | None = None,
        frames_per_token: float = 25.0,
        stop_threshold: float = 0.5,
        stuck_frames: int = 150,
    ) -> None:
        super().__init__()
        needed = {"mels", "mels_before", "stop"} | ({"pitch_level"} if level_site else set())
        if needed - set(likelihoods):
            raise ValueError(
                f"likelihoods must hold {sorted(needed)}, got {sorted(likelihoods)}; add the rest"
            )
        self.text_encoder = text_encoder
        memory_width: int = text_encoder.width  # type: ignore[assignment]
        self.door = StyleDoor(site_widths, style_width) if site_widths else None
        self.likelihoods = nn.ModuleDict(likelihoods)
        self.reductions = reduction_schedule(reduction)
        self.core = TacotronRecurrence(
            n_mels,
            memory_width + (style_width if site_widths else 0),
            attention,
            prenet_widths,
            prenet_dropout,
            attention_units,
            decoder_units,
            regulariser,
            max(frames for _, frames in self.reductions),
        )
        self.postnet = postnet
        self.alignment_weight = alignment_weight
        self.guided_attention = guided_attention
        self.level_site = level_site
        if level_site is not None:
            self.pitch_level = PitchLevel(site_widths[level_site])
        self.window = None if window is None else tuple(window)
        self.frames_per_token = frames_per_token
        self.stop_threshold = stop_threshold
        self.stuck_frames = stuck_frames
        self.register_buffer("mels_mean", torch.zeros(n_mels))
        self.register_buffer("mels_std", torch.ones(n_mels))
        # a voice speaks with the reduction that its training ended with
        self.register_buffer("frames_per_step", torch.tensor(self.reductions[0][1]))

    def set_step(self, step: int) -> None:
        """Tell the training step: reduction and guided attention follow their schedules."""
        self.frames_per_step.fill_([n for start, n in self.reductions if start <= step][-1])
        if self.guided_attention is not None:
            self.guided_attention.set_step(step)

    @torch.no_grad()
    def fit_statistics(self, batches: Sequence[SpeechTargets]) -> None:
        """Set the units of mels and pitch from data; call once before training."""
        frames = torch.cat([batch.mels[batch.mel_mask] for batch in batches]).float()
        self.mels_mean.copy_(frames.mean(0))
        self.mels_std.copy_(frames.std(0).clamp(min=0.1))
        voiced = torch.cat([b.pitch_st[b.token_mask & (b.voiced > 0.5)] for b in batches])
        if self.level_site is not None and len(voiced):
            self.pitch_level.pitch_st_mean.copy_(voiced.mean())

    def memory(self, tokens: Tensor, mask: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Text and style side by side, (batch, phones, memory_width)."""
        text = self.text_encoder(tokens, mask)
        if self.door is None:
            return text
        return torch.cat([text, self.door(values, tokens.shape[1]).to(text)], -1)

    def unroll(
        self, batch: SpeechTargets, values: Mapping[str, Tensor]
    ) -> tuple[Unrolled, Tensor, Tensor]:
        """Teacher forcing: all steps, and mels before and after the postnet in nepers."""
        r, frames = int(self.frames_per_step), batch.mels.shape[1]
        memory = self.memory(batch.tokens, batch.token_mask, values)
        standard = (batch.mels - self.mels_mean) / self.mels_std * batch.mel_mask.unsqueeze(-1)
        last = standard[:, r - 1 :: r].transpose(0, 1)
        steps = -(-frames // r)
        previous = torch.cat([torch.zeros_like(standard[:, :1]).transpose(0, 1), last])[:steps]
        generator = None
        if not self.training:  # the same numbers whenever, and with whom, an item is scored
            generator = torch.Generator().manual_seed(0)
        unrolled = self.core(memory, batch.token_mask, previous, r, generator)
        before = unrolled.mels[:, :frames]
        after = self._after(before, batch.mel_mask)
        return unrolled, self._nepers(before), self._nepers(after)

    def _after(self, before: Tensor, mask: Tensor) -> Tensor:
        return before if self.postnet is None else before + self.postnet(before, mask).float()

    def _nepers(self, standard: Tensor) -> Tensor:
        return standard * self.mels_std + self.mels_mean

    def forward(
        self, batch: SpeechTargets, values: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Explain a batch, each frame given the true ones before it (teacher forcing).

        Args:
            batch: targets; durations only where ``alignment_weight`` is not 0.
            values: site -> z, (*samples, batch, width) or per phone (batch, phones, width).

        Returns:
            Log-likelihood terms, each (*samples, batch) nats, and predictions.

        Raises:
            ValueError: if durations are needed and the batch has none.
        """
        if draws := draws_of(values, batch):
            return explain_draws(self.forward, batch, values, draws)
        unrolled, before, after = self.unroll(batch, values)
        r, steps = int(self.frames_per_step), unrolled.stop_logits.shape[1]
        last = (batch.mel_mask.sum(1, keepdim=True) + r - 1) // r - 1
        step_mask = torch.arange(steps, device=last.device) <= last
        likelihoods: dict[str, Likelihood] = dict(self.likelihoods.items())  # type: ignore[arg-type]
        terms = observation_terms(likelihoods, batch, unrolled, before, after, step_mask)
        if self.alignment_weight:
            if batch.durations is None:
                raise ValueError(
                    "alignment_weight needs durations; run recipes/align.py on the corpus first, "
                    "or set decoder.alignment_weight=0"
                )
            terms["alignment"] = self.alignment_weight * alignment_log_likelihood(
                unrolled.alignments, batch.durations, batch.mel_mask, r
            )
        if self.guided_attention is not None and self.guided_attention.active:
            terms["guided_attention"] = -self.guided_attention(
                unrolled.alignments, batch.token_mask, step_mask
            )
        if self.level_site is not None:
            terms["pitch_level"] = self.pitch_level(
                batch, values[self.level_site], likelihoods["pitch_level"]
            )
        predictions = {"mels": after, "mels_before": before, "alignments": unrolled.alignments}
        return terms, predictions

    def errors(self, batch: SpeechTargets, predictions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See :func:`decoder_errors`."""
        return decoder_errors(batch, predictions, int(self.frames_per_step))

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
        seed: int = 0,
    ) -> Generated:
        """Speak tokens in a style.

        Args:
            tokens: (batch, phones) int64.
            token_mask: (batch, phones) bool.
            values: site -> (batch, width) or (batch, phones, width).
            pitch_shift_st: must be 0: this decoder decides the pitch itself.
            rate: must be 1, likewise.
            energy_shift_db: gain of each phone, exact in the log-mel domain; scalar or per phone.
            pitch_range: must be 1, likewise; so nobody asks which phones are ``sounding``.
            sounding: what a decoder with a ``pitch_range`` needs, unused.
            stretch: must be 1, likewise.
            durations: must be None, likewise.
            seed: of the prenet's dropout; the same one gives the same mels.

        Returns:
            Speech whose ``durations`` count the frames at which each phone is attended to most;
            pitch and energy, which this decoder does not state, are NaN.

        Raises:
            ValueError: if a control is asked for that this decoder does not have.
        """
        check_controls(pitch_shift_st, rate, pitch_range, stretch, durations)
        r = int(self.frames_per_step)
        spoken = self.speak(tokens, token_mask, values, seed)
        lengths, made = spoken.steps * r, int(spoken.steps.max()) * r
        mel_mask = torch.arange(made, device=tokens.device) < lengths.unsqueeze(1)
        mels = self._nepers(self._after(spoken.mels[:, :made], mel_mask))
        frames = attended_frames(spoken, r)
        mels = with_gain(mels, energy_shift_db, frames, made)
        found = failures(spoken, token_mask, r, self.stuck_frames)
        for item, words in enumerate(found):
            if words:
                log.warning("sentence %d may be spoken badly: %s", item, words)
        unknown = torch.full(tokens.shape, math.nan, device=tokens.device)
        return Generated(
            mels * mel_mask.unsqueeze(-1),
            mel_mask,
            frames,
            unknown,
            unknown.clone(),
            failures=found,
            alignments=spoken.alignments,
        )

    def speak(
        self, tokens: Tensor, token_mask: Tensor, values: Mapping[str, Tensor], seed: int = 0
    ) -> Spoken:
        """Free running before the postnet; see :func:`free_running`."""
        return free_running(
            self.core,
            self.memory(tokens, token_mask, values),
            token_mask,
            frame_limits(token_mask, self.frames_per_token),
            int(self.frames_per_step),
            torch.Generator().manual_seed(seed),
            self.stop_threshold,
            self.window,
        )
