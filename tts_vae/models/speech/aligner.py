"""Alignment learned from text and mels alone: forward-sum objective, monotonic search.

Badlani et al. 2022, "One TTS alignment to rule them all", arXiv 2108.10447: the forward-sum
objective is CTC with targets 1..N and a fixed blank (eq. 4-5); a beta-binomial prior (eq. 6) starts
it near the diagonal; the Viterbi path (monotonic alignment search, Kim et al. 2020) gives hard
durations.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tts_vae.models.speech.layers import MaskedConv


class ForwardSumAligner(nn.Module):
    """Soft alignment from distances between encoded phones and encoded frames.

    Args:
        n_symbols: size of the symbol table.
        n_mels: mel bands.
        width: channels of both encoders.
        blank_log_prob: fixed log-probability of the blank (paper: -1).
        prior_scale: omega of the beta-binomial prior; larger is narrower.
    """

    def __init__(
        self,
        n_symbols: int,
        n_mels: int,
        width: int = 128,
        blank_log_prob: float = -1.0,
        prior_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_symbols, width, padding_idx=0)
        self.text = nn.ModuleList([MaskedConv(width, width, 3), MaskedConv(width, width, 1)])
        self.audio = nn.ModuleList(
            [MaskedConv(n_mels, width, 3), MaskedConv(width, width, 3), MaskedConv(width, width, 1)]
        )
        self.blank_log_prob = blank_log_prob
        self.prior_scale = prior_scale

    @staticmethod
    def _encode(convs: nn.ModuleList, x: Tensor, mask: Tensor) -> Tensor:
        for conv in convs[:-1]:
            x = F.relu(conv(x, mask))
        return convs[-1](x, mask)

    def forward(self, tokens: Tensor, token_mask: Tensor, mels: Tensor, mask: Tensor) -> Tensor:
        """Log-probability of each phone at each frame.

        Args:
            tokens: (batch, phones) int64.
            token_mask: (batch, phones) bool.
            mels: (batch, frames, n_mels).
            mask: (batch, frames) bool.

        Returns:
            (batch, frames, phones) float32, -inf on padded phones; the prior is included.
        """
        keys = self._encode(self.text, self.embedding(tokens), token_mask).float()
        queries = self._encode(self.audio, (mels + 5.0) / 3.0, mask).float()
        distance = torch.cdist(queries, keys).square() / keys.shape[-1] ** 0.5
        hidden = ~token_mask.unsqueeze(1)
        scores = F.log_softmax((-distance).masked_fill(hidden, -torch.inf), dim=-1)
        prior = beta_binomial_prior(token_mask.sum(1), mask.sum(1), *distance.shape[1:])
        return (scores + self.prior_scale * prior).masked_fill(hidden, -torch.inf)

    def loss(self, log_attention: Tensor, token_mask: Tensor, mask: Tensor) -> Tensor:
        """Negative log-sum over all monotonic paths, nats, (batch,)."""
        phones, frames = token_mask.sum(1), mask.sum(1)
        scores = F.pad(log_attention.clamp(min=-1e4), (1, 0), value=self.blank_log_prob)
        log_probs = F.log_softmax(scores, dim=-1)
        targets = torch.arange(1, token_mask.shape[1] + 1, device=scores.device)
        return F.ctc_loss(
            log_probs.transpose(0, 1),
            targets.expand(len(phones), -1),
            frames,
            phones,
            reduction="none",
            zero_infinity=True,
        )

    @torch.no_grad()
    def durations(self, log_attention: Tensor, token_mask: Tensor, mask: Tensor) -> Tensor:
        """Hard durations of the best monotonic path, (batch, phones) int64 frames."""
        return monotonic_alignment_search(log_attention, token_mask.sum(1), mask.sum(1))


def beta_binomial_prior(phones: Tensor, frames: Tensor, max_frames: int, max_phones: int) -> Tensor:
    """Log of the beta-binomial prior of each phone given the frame (eq. 6).

    Args:
        phones: (batch,) numbers of phones N.
        frames: (batch,) numbers of frames T.
        max_frames: frames of the result.
        max_phones: phones of the result.

    Returns:
        (batch, max_frames, max_phones) log-probabilities of k - 1 ~ BetaBinomial(N - 1, t, T-t+1).
    """
    n = (phones - 1).float().view(-1, 1, 1)
    total = frames.float().view(-1, 1, 1)
    t = torch.arange(1, max_frames + 1, device=phones.device).float().view(1, -1, 1)
    k = torch.arange(max_phones, device=phones.device).float().view(1, 1, -1)
    a, b = t, (total - t + 1).clamp(min=1e-3)
    rest = (n - k).clamp(min=0)

    def log_beta(x: Tensor, y: Tensor) -> Tensor:
        return torch.lgamma(x) + torch.lgamma(y) - torch.lgamma(x + y)

    log_choose = torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(rest + 1)
    return log_choose + log_beta(k + a, rest + b) - log_beta(a, b)


def monotonic_alignment_search(scores: Tensor, phones: Tensor, frames: Tensor) -> Tensor:
    """Viterbi path that starts at the first phone, ends at the last and never skips one.

    Args:
        scores: (batch, frames, phones) log-probabilities; float32.
        phones: (batch,) numbers of phones.
        frames: (batch,) numbers of frames.

    Returns:
        (batch, phones) int64 frames per phone; sums to ``frames``, at least 1 each.

    Raises:
        ValueError: if an item has more phones than frames.
    """
    if bool((phones > frames).any()):
        worst = int((phones - frames).argmax())
        raise ValueError(
            f"item {worst} has {int(phones[worst])} phones in {int(frames[worst])} frames; "
            "every phone needs a frame: drop the item or use a smaller hop"
        )
    batch, max_frames, max_phones = scores.shape
    scores = scores.float().clamp(min=-1e9).cpu()
    best = torch.full((batch, max_phones), -1e30)
    best[:, 0] = scores[:, 0, 0]
    stepped = torch.zeros(max_frames, batch, max_phones, dtype=torch.bool)
    for t in range(1, max_frames):
        entered = F.pad(best[:, :-1], (1, 0), value=-1e30)
        stepped[t] = entered > best
        best = torch.maximum(best, entered) + scores[:, t]
    durations = torch.zeros(batch, max_phones, dtype=torch.int64)
    rows = torch.arange(batch)
    position, lengths = (phones - 1).cpu(), frames.cpu()
    for t in range(max_frames - 1, -1, -1):
        active = t < lengths
        durations[rows[active], position[active]] += 1
        back = stepped[t, rows, position] & active
        position = position - back.long()
    return durations.to(phones.device)
