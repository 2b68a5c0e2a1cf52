"""Reference encoders: a mel spectrogram of any length -> one feature vector.

Both are masked at every layer: the padding of a batch never reaches the result.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from tts_vae.models.speech.layers import MaskedConv
from tts_vae.models.speech.onsets import OnsetDetector, log_rates


class RecognitionTargets(Protocol):
    """What an encoder may learn to recognise besides serving the likelihood."""

    mels: Tensor
    mel_mask: Tensor
    tokens: Tensor
    token_mask: Tensor
    durations: Tensor | None


class ReferenceEncoder(nn.Module):
    """Base of the encoders: mels in units of the corpus, and a speaking rate that is recognised.

    Args:
        n_mels: mel bands of the input.
        feature_width: width of the result.
        onsets: detector of phones, whose number and usual duration give the rate; None leaves the
            rate to what the rest of the encoder finds out.
    """

    mels_mean: Tensor
    mels_std: Tensor
    rate_mean: Tensor
    rate_std: Tensor

    def __init__(
        self, n_mels: int, feature_width: int, onsets: OnsetDetector | None = None
    ) -> None:
        super().__init__()
        self.register_buffer("mels_mean", torch.zeros(n_mels))
        self.register_buffer("mels_std", torch.ones(n_mels))
        self.onsets = onsets
        if onsets is not None:
            self.rate = nn.Linear(2, feature_width)
            self.register_buffer("rate_mean", torch.zeros(2))
            self.register_buffer("rate_std", torch.ones(2))

    @torch.no_grad()
    def fit_statistics(self, batches: Sequence[RecognitionTargets]) -> None:
        """Set the units of mels and rate from data; call once before training."""
        frames = torch.cat([batch.mels[batch.mel_mask] for batch in batches]).float()
        self.mels_mean.copy_(frames.mean(0))
        self.mels_std.copy_(frames.std(0).clamp(min=0.1))
        known = [batch for batch in batches if batch.durations is not None]
        if self.onsets is None or not known:
            return
        phones = [(b.tokens[b.token_mask], b.durations[b.token_mask]) for b in known]  # type: ignore[index]
        self.onsets.fit_usual_frames(*(torch.cat(column) for column in zip(*phones, strict=True)))
        logs = torch.cat([self._true_log_rates(batch) for batch in known])
        self.rate_mean.copy_(logs.mean(0))
        if len(logs) > 1:
            self.rate_std.copy_(logs.std(0).clamp(min=1e-2))

    def _true_log_rates(self, batch: RecognitionTargets) -> Tensor:
        """What :func:`log_rates` would say if it knew the phones, (batch, 2)."""
        assert self.onsets is not None
        real = batch.token_mask.float()
        usual = (self.onsets.usual_frames[batch.tokens] * real).sum(1)
        frames = batch.mel_mask.sum(1, keepdim=True)
        return torch.log(torch.stack([real.sum(1), usual], 1) / frames)

    def standardise(self, mels: Tensor) -> Tensor:
        """Mels (..., n_mels) with mean 0 and deviation 1 in each band over the corpus."""
        return (mels - self.mels_mean) / self.mels_std

    def with_rate(self, features: Tensor, mels: Tensor, mask: Tensor) -> Tensor:
        """Add the recognised rates to features (batch, feature_width); mels are standardised."""
        if self.onsets is None:
            return features
        log_odds, usual = self.onsets(mels, mask)
        rates = log_rates(log_odds, usual, mask).detach()
        rates = ((rates - self.rate_mean) / self.rate_std).clamp(-4, 4)
        return features + self.rate(rates).float()

    def recognition(self, batch: RecognitionTargets) -> dict[str, Tensor]:
        """Log-likelihood of what is recognised along the way, each (batch,) nats.

        It trains the detector alone: nothing of it reaches the latents.
        """
        if self.onsets is None or batch.durations is None:
            return {}
        mels = self.standardise(batch.mels)
        return self.onsets.log_likelihood(mels, batch.mel_mask, batch.tokens, batch.durations)


class ConvGruReferenceEncoder(ReferenceEncoder):
    """Six strided 2-D convolutions and a GRU (Skerry-Ryan et al. 2018, arXiv 1803.09047, 3.2).

    Batch norm is replaced by a layer norm over channels, so that an utterance's embedding does not
    depend on its batch neighbours. The last GRU state is joined by the masked time average: rate
    is a density of events, which an average states more directly than a last state.

    Args:
        n_mels: mel bands of the input.
        channels: output channels of the stride-2 layers.
        feature_width: width of the result, even; the GRU has half as many units.
        onsets: detector of phones for the speaking rate, or None.

    Shape:
        mels (batch, frames, n_mels), mask (batch, frames) bool -> (batch, feature_width).
    """

    def __init__(
        self,
        n_mels: int,
        channels: tuple[int, ...] = (32, 32, 64, 64, 128, 128),
        feature_width: int = 256,
        onsets: OnsetDetector | None = None,
    ) -> None:
        super().__init__(n_mels, feature_width, onsets)
        channels, width = tuple(channels), feature_width // 2
        inputs = (1, *channels[:-1])
        self.convs = nn.ModuleList(
            nn.Conv2d(i, o, kernel_size=3, stride=2, padding=1)
            for i, o in zip(inputs, channels, strict=True)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(c) for c in channels)
        bands = n_mels
        for _ in channels:
            bands = (bands + 1) // 2
        self.gru = nn.GRU(channels[-1] * bands, width, batch_first=True)
        self.average = nn.Linear(channels[-1] * bands, width)
        self.norm = nn.LayerNorm(feature_width)

    def forward(self, mels: Tensor, mask: Tensor) -> Tensor:
        """Encode a batch of references."""
        lengths = mask.sum(1)
        standard = self.standardise(mels)
        x = (standard * mask.unsqueeze(-1)).unsqueeze(
            1
        )  # (batch, 1, frames, bands): time stays time
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = conv(x)
            lengths = (lengths + 1) // 2
            steps = torch.arange(x.shape[2], device=x.device) < lengths.unsqueeze(1)
            x = F.relu(norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)) * steps[:, None, :, None]
        x = x.permute(0, 2, 1, 3).flatten(2)  # (batch, steps, features)
        packed = pack_padded_sequence(
            x.float(), lengths.cpu().clamp(min=1), batch_first=True, enforce_sorted=False
        )
        with torch.autocast(x.device.type, enabled=False):
            _, state = self.gru(packed)
        mean = self.average(x.sum(1) / lengths.clamp(min=1).unsqueeze(1))
        features = self.norm(torch.cat([state[-1].float(), mean.float()], dim=-1))
        return self.with_rate(features, standard, mask)


class BiLstmReferenceEncoder(ReferenceEncoder):
    """Two convolutions, two BiLSTM layers, masked mean pool (Hsu et al. 2019, arXiv 1810.07217).

    Args:
        n_mels: mel bands of the input.
        channels: width of the convolutions (paper: 512).
        feature_width: width of the result, even; the LSTM has half as many units a side.
        onsets: detector of phones for the speaking rate, or None.

    Shape:
        mels (batch, frames, n_mels), mask (batch, frames) bool -> (batch, feature_width).
    """

    def __init__(
        self,
        n_mels: int,
        channels: int = 512,
        feature_width: int = 512,
        onsets: OnsetDetector | None = None,
    ) -> None:
        super().__init__(n_mels, feature_width, onsets)
        width = feature_width // 2
        self.convs = nn.ModuleList(
            [MaskedConv(n_mels, channels, 3), MaskedConv(channels, channels, 3)]
        )
        self.norms = nn.ModuleList([nn.LayerNorm(channels), nn.LayerNorm(channels)])
        self.lstm = nn.LSTM(channels, width, num_layers=2, bidirectional=True, batch_first=True)

    def forward(self, mels: Tensor, mask: Tensor) -> Tensor:
        """Encode a batch of references."""
        x = standard = self.standardise(mels)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x, mask)))
        lengths = mask.sum(1)
        packed = pack_padded_sequence(
            x.float(), lengths.cpu().clamp(min=1), batch_first=True, enforce_sorted=False
        )
        with torch.autocast(x.device.type, enabled=False):
            output, _ = self.lstm(packed)
        hidden, _ = nn.utils.rnn.pad_packed_sequence(
            output, batch_first=True, total_length=mels.shape[1]
        )
        mean = (hidden * mask.unsqueeze(-1)).sum(1) / lengths.clamp(min=1).unsqueeze(1)
        return self.with_rate(mean, standard, mask)
