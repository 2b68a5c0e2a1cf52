"""A small CTC phone recogniser: judge of intelligibility, and aligner of real speech.

Connectionist temporal classification: Graves et al. 2006 (ICML).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tts_vae.models.speech.layers import MaskedConv

BLANK = 0
STRIDE = 2


class CtcOutput(NamedTuple):
    """What the recogniser says of a batch.

    Attributes:
        log_probs: (batch, steps, labels) float32 natural-log probabilities, one step for
            ``STRIDE`` frames; label ``BLANK`` is CTC's blank.
        lengths: (batch,) int64 real steps, ceil(frames / STRIDE).
    """

    log_probs: Tensor
    lengths: Tensor


class CtcRecogniser(nn.Module):
    """Convolutions (one of stride 2 in time), two bidirectional LSTM layers, label posteriors.

    Each mel band is brought to zero mean and unit variance over the utterance's own frames, so
    neither recording level nor channel matters. Padding never changes a real step.

    Args:
        n_labels: labels with the blank, which has index ``BLANK``.
        n_mels: mel bands.
        conv_width: channels of the convolutions.
        lstm_width: units of each direction of each LSTM layer.
        dropout: probability, after the convolutions and each LSTM layer.
    """

    def __init__(
        self,
        n_labels: int,
        n_mels: int = 80,
        conv_width: int = 160,
        lstm_width: int = 128,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if n_labels < 2:
            raise ValueError(
                f"n_labels must count the blank and at least one label (>= 2), got {n_labels}; "
                "build it as len(ctc_labels(table))"
            )
        self.n_labels, self.n_mels = n_labels, n_mels
        self.conv = MaskedConv(n_mels, conv_width, 5)
        self.down = nn.Conv1d(conv_width, conv_width, 5, stride=STRIDE, padding=2)
        self.norm = nn.LayerNorm(conv_width)
        self.first = BidirectionalLstm(conv_width, lstm_width)
        self.second = BidirectionalLstm(2 * lstm_width, lstm_width)
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(2 * lstm_width, n_labels)

    def forward(self, mels: Tensor, mel_mask: Tensor) -> CtcOutput:
        """Label posteriors of a batch.

        Args:
            mels: (batch, frames, n_mels) natural-log magnitude.
            mel_mask: (batch, frames) bool, True on real frames; each row starts with them.

        Raises:
            ValueError: the number of mel bands differs, or an utterance has no frame.
        """
        if mels.ndim != 3 or mels.shape[-1] != self.n_mels:
            raise ValueError(
                f"mels must be (batch, frames, {self.n_mels}), got {tuple(mels.shape)}; "
                "extract them with the MelConfig the recogniser was trained on"
            )
        frames = mel_mask.sum(1)
        if not bool((frames > 0).all()):
            raise ValueError(
                f"every utterance needs at least one frame, got lengths {frames.tolist()}; "
                "leave empty recordings out of the batch"
            )
        lengths = (frames + STRIDE - 1) // STRIDE
        x = self._normalise(mels.float(), mel_mask)
        x = F.gelu(self.conv(x, mel_mask)) * mel_mask.unsqueeze(-1)
        x = self.down(x.transpose(1, 2)).transpose(1, 2)
        x = self.dropout(F.gelu(self.norm(x)))
        x = self.dropout(self.first(x, lengths))
        x = self.dropout(self.second(x, lengths))
        return CtcOutput(self.project(x).float().log_softmax(-1), lengths)

    def loss(self, output: CtcOutput, labels: Tensor, label_lengths: Tensor) -> Tensor:
        """-log p(labels | mels) of each utterance in nats, (batch,) float32.

        An utterance with fewer steps than its labels need has probability 0; it yields 0 nats and
        no gradient instead of infinity (see :func:`steps_needed`).

        Args:
            output: from :meth:`forward`.
            labels: (batch, most labels) int64, padded with anything.
            label_lengths: (batch,) int64.
        """
        with torch.autocast(output.log_probs.device.type, enabled=False):
            return F.ctc_loss(
                output.log_probs.float().transpose(0, 1),
                labels,
                output.lengths,
                label_lengths,
                blank=BLANK,
                reduction="none",
                zero_infinity=True,
            )

    def greedy(self, output: CtcOutput) -> list[list[int]]:
        """Most probable label of each step, repeats merged, blanks dropped: one list a row."""
        best = output.log_probs.argmax(-1).cpu()
        decoded = []
        for row, length in zip(best, output.lengths.tolist(), strict=True):
            merged = torch.unique_consecutive(row[:length])
            decoded.append([label for label in merged.tolist() if label != BLANK])
        return decoded

    def _normalise(self, mels: Tensor, mel_mask: Tensor) -> Tensor:
        weight = mel_mask.unsqueeze(-1).float()
        count = weight.sum(1, keepdim=True)
        mean = (mels * weight).sum(1, keepdim=True) / count
        centred = (mels - mean) * weight
        variance = centred.square().sum(1, keepdim=True) / count
        return centred * (variance + 1e-2).rsqrt()


class BidirectionalLstm(nn.Module):
    """Two LSTMs, one over time and one against it, each row over its own length.

    A row is reversed within its length, so that padding comes last in both directions and no
    packing is needed: on CPUs that is several times faster than a packed sequence.

    Args:
        in_width: features of the input.
        width: units of each direction.
    """

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        self.onward = nn.LSTM(in_width, width, batch_first=True)
        self.against = nn.LSTM(in_width, width, batch_first=True)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(batch, steps, in_width), lengths (batch,) -> (batch, steps, 2 width)."""
        steps = torch.arange(x.shape[1], device=x.device)
        last = lengths.unsqueeze(1) - 1
        mirrored = torch.where(steps <= last, last - steps, steps).unsqueeze(-1)
        onward, _ = self.onward(x)
        against, _ = self.against(x.gather(1, mirrored.expand_as(x)))
        against = against.gather(1, mirrored.expand_as(against))
        return torch.cat([onward, against], -1)


def steps_needed(labels: list[int]) -> int:
    """Fewest CTC steps that can spell ``labels``: one each, and a blank between two equal ones."""
    return len(labels) + sum(a == b for a, b in zip(labels, labels[1:], strict=False))
