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
from tts_vae.models.speech.prosody_reader import READINGS, ProsodyReader, frame_pitch
from tts_vae.models.speech.speaker_centring import SpeakerCentring


class RecognitionTargets(Protocol):
    """What an encoder may learn to recognise besides serving the likelihood."""

    mels: Tensor
    mel_mask: Tensor
    tokens: Tensor
    token_mask: Tensor
    durations: Tensor | None
    pitch_st: Tensor
    voiced: Tensor
    speaker: Tensor


class ReferenceEncoder(nn.Module):
    """Base of the encoders: mels in units of the corpus, and what is recognised in them.

    Args:
        n_mels: mel bands of the input.
        feature_width: width of the result.
        onsets: detector of phones, whose number and usual duration give the rate; None leaves the
            rate to what the rest of the encoder finds out.
        reader: of pitch level, pitch range and loudness; None likewise.
        centring: takes from the result what is usual for the speaker; None leaves it in.
    """

    mels_mean: Tensor
    mels_std: Tensor
    rate_mean: Tensor
    rate_std: Tensor
    readings_mean: Tensor
    readings_std: Tensor

    def __init__(
        self,
        n_mels: int,
        feature_width: int,
        onsets: OnsetDetector | None = None,
        reader: ProsodyReader | None = None,
        centring: SpeakerCentring | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("mels_mean", torch.zeros(n_mels))
        self.register_buffer("mels_std", torch.ones(n_mels))
        self.onsets = onsets
        if onsets is not None:
            self.rate = nn.Linear(2, feature_width)
            self.register_buffer("rate_mean", torch.zeros(2))
            self.register_buffer("rate_std", torch.ones(2))
        self.reader = reader
        if reader is not None:
            self.reading = nn.Linear(READINGS, feature_width)
            self.register_buffer("readings_mean", torch.zeros(READINGS))
            self.register_buffer("readings_std", torch.ones(READINGS))
        self.centring = centring

    @torch.no_grad()
    def fit_statistics(self, batches: Sequence[RecognitionTargets]) -> None:
        """Set the units of mels and of what is recognised from data; call once before training."""
        frames = torch.cat([batch.mels[batch.mel_mask] for batch in batches]).float()
        self.mels_mean.copy_(frames.mean(0))
        self.mels_std.copy_(frames.std(0).clamp(min=0.1))
        known = [batch for batch in batches if batch.durations is not None]
        if self.onsets is not None and known:
            phones = [(b.tokens[b.token_mask], b.durations[b.token_mask]) for b in known]  # type: ignore[index]
            self.onsets.fit_usual_frames(
                *(torch.cat(column) for column in zip(*phones, strict=True))
            )
            _fit(self.rate_mean, self.rate_std, [self._true_log_rates(b) for b in known])
        if self.reader is not None and known:
            real = [b.pitch_st[b.token_mask & (b.voiced > 0.5)] for b in known]
            self.reader.fit_pitch(torch.cat(real))
            _fit(self.readings_mean, self.readings_std, [self._true_readings(b) for b in known])

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

    def _true_readings(self, batch: RecognitionTargets) -> Tensor:
        """What the reader would say if it knew the pitch of every phone, (batch, READINGS)."""
        assert self.reader is not None and batch.durations is not None
        frames = batch.mels.shape[1]
        pitch = frame_pitch(batch.durations, batch.pitch_st, batch.voiced, frames)
        return self.reader.readings(*pitch, batch.mels, batch.mel_mask)

    def with_recognised(
        self, features: Tensor, mels: Tensor, standard: Tensor, mask: Tensor
    ) -> Tensor:
        """Add what is recognised to features, and take from them what is usual for the speaker.

        Args:
            features: (batch, feature_width).
            mels: (batch, frames, n_mels).
            standard: the same, standardised.
            mask: (batch, frames) bool.
        """
        if self.onsets is not None:
            with torch.no_grad():
                log_odds, usual = self.onsets(standard, mask)
                rates = log_rates(log_odds, usual, mask)
                rates = ((rates - self.rate_mean) / self.rate_std).clamp(-4, 4)
            features = features + self.rate(rates).float()
        if self.reader is not None:
            with torch.no_grad():
                voiced, pitch_st = self.reader(standard, mask)
                said = self.reader.readings(torch.sigmoid(voiced), pitch_st, mels, mask)
                said = ((said - self.readings_mean) / self.readings_std).clamp(-4, 4)
            features = features + self.reading(said).float()
        if self.centring is not None:
            features = self.centring(features, standard, mask)
        return features

    def recognition(self, batch: RecognitionTargets) -> dict[str, Tensor]:
        """Log-likelihood of what is recognised along the way, each (batch,) nats.

        It trains the recognisers alone: nothing of it reaches the latents.
        """
        mels, mask = self.standardise(batch.mels), batch.mel_mask
        terms: dict[str, Tensor] = {}
        if self.onsets is not None and batch.durations is not None:
            terms |= self.onsets.log_likelihood(mels, mask, batch.tokens, batch.durations)
        if self.reader is not None and batch.durations is not None:
            terms |= self.reader.log_likelihood(
                mels, mask, batch.durations, batch.pitch_st, batch.voiced
            )
        if self.centring is not None:
            terms |= self.centring.log_likelihood(mels, mask, batch.speaker)
        return terms


def _fit(mean: Tensor, std: Tensor, parts: Sequence[Tensor]) -> None:
    """Set mean and deviation of columns from parts (items, columns) of what is known."""
    values = torch.cat(list(parts))
    mean.copy_(values.mean(0))
    if len(values) > 1:
        std.copy_(values.std(0).clamp(min=1e-2))


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
        reader: of pitch and loudness, or None.
        centring: on the speaker, or None.

    Shape:
        mels (batch, frames, n_mels), mask (batch, frames) bool -> (batch, feature_width).
    """

    def __init__(
        self,
        n_mels: int,
        channels: tuple[int, ...] = (32, 32, 64, 64, 128, 128),
        feature_width: int = 256,
        onsets: OnsetDetector | None = None,
        reader: ProsodyReader | None = None,
        centring: SpeakerCentring | None = None,
    ) -> None:
        super().__init__(n_mels, feature_width, onsets, reader, centring)
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
        return self.with_recognised(features, mels, standard, mask)


class BiLstmReferenceEncoder(ReferenceEncoder):
    """Two convolutions, two BiLSTM layers, masked mean pool (Hsu et al. 2019, arXiv 1810.07217).

    Args:
        n_mels: mel bands of the input.
        channels: width of the convolutions (paper: 512).
        feature_width: width of the result, even; the LSTM has half as many units a side.
        onsets: detector of phones for the speaking rate, or None.
        reader: of pitch and loudness, or None.
        centring: on the speaker, or None.

    Shape:
        mels (batch, frames, n_mels), mask (batch, frames) bool -> (batch, feature_width).
    """

    def __init__(
        self,
        n_mels: int,
        channels: int = 512,
        feature_width: int = 512,
        onsets: OnsetDetector | None = None,
        reader: ProsodyReader | None = None,
        centring: SpeakerCentring | None = None,
    ) -> None:
        super().__init__(n_mels, feature_width, onsets, reader, centring)
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
        return self.with_recognised(mean, mels, standard, mask)
