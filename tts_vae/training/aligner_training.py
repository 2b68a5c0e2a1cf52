"""Training a forward-sum aligner on a corpus, and the durations it finds."""

import logging
import time
from collections.abc import Sequence

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from tts_vae.models.speech.aligner import ForwardSumAligner
from tts_vae.training.recogniser_batches import Recording

log = logging.getLogger(__name__)


def train_aligner(
    recordings: Sequence[Recording],
    n_symbols: int,
    minutes: float,
    batch_size: int = 16,
    learning_rate: float = 1e-3,
    seed: int = 0,
    steps: int | None = None,
    prior_scale: float = 1.0,
) -> ForwardSumAligner:
    """Train for a wall-clock budget, in float32.

    Args:
        recordings: in memory; those with more phones than frames are reported and left out.
        n_symbols: size of the symbol table.
        minutes: budget.
        batch_size: recordings in a batch.
        learning_rate: of Adam.
        seed: of weights and order.
        steps: budget in batches instead of minutes; exactly repeatable.
        prior_scale: of the prior that holds the alignment near the diagonal. It helps long
            utterances to start, and moves boundaries: 0 is sharper where that is not needed.

    Raises:
        ValueError: if no recording can be used.
        FloatingPointError: if the loss is not finite.
    """
    usable = [item for item in recordings if _alignable(item)]
    if not usable:
        raise ValueError("no recording has a frame for each phone; check the front end")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        aligner = ForwardSumAligner(n_symbols, usable[0].mels.shape[-1], prior_scale=prior_scale)
    optimizer = torch.optim.Adam(aligner.parameters(), lr=learning_rate)
    order = torch.Generator().manual_seed(seed)
    lengths = torch.tensor([float(len(item.mels)) for item in usable])
    start, step = time.monotonic(), 0
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        task = bar.add_task("aligner", total=1000)
        while True:
            elapsed_s = time.monotonic() - start
            progress = elapsed_s / (60 * minutes) if steps is None else step / steps
            if progress >= 1:
                break
            anchor = int(torch.randint(len(usable), (1,), generator=order))
            rows = (lengths - lengths[anchor]).abs().argsort()[: 2 * batch_size]
            rows = rows[torch.randperm(len(rows), generator=order)[:batch_size]]
            tokens, token_mask, mels, mask = pad([usable[i] for i in rows.tolist()])
            attention = aligner(tokens, token_mask, mels, mask)
            loss = (aligner.loss(attention, token_mask, mask) / token_mask.sum(1)).mean()
            if not torch.isfinite(loss):
                raise FloatingPointError(
                    f"the aligner's loss is not finite at step {step}; lower learning_rate"
                )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(aligner.parameters(), 5.0)
            optimizer.step()
            step += 1
            bar.update(
                task,
                completed=round(1000 * progress),
                description=f"aligner step {step}  {float(loss.detach()):.3f} nats/phone",
            )
    return aligner.eval()


@torch.no_grad()
def aligner_durations(
    aligner: ForwardSumAligner, recordings: Sequence[Recording], batch_size: int = 16
) -> dict[str, Tensor]:
    """Durations by id, (phones,) int64 frames; recordings too short for their phones are left out.

    Args:
        aligner: trained.
        recordings: in memory.
        batch_size: recordings at once.
    """
    usable = [item for item in recordings if _alignable(item)]
    found: dict[str, Tensor] = {}
    for start in range(0, len(usable), batch_size):
        items = usable[start : start + batch_size]
        tokens, token_mask, mels, mask = pad(items)
        durations = aligner.durations(aligner(tokens, token_mask, mels, mask), token_mask, mask)
        for item, row in zip(items, durations, strict=True):
            found[item.id] = row[: len(item.tokens)].clone()
    return found


def pad(items: Sequence[Recording]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Tokens, token mask, mels and mel mask of some recordings, padded on the right."""
    phones = torch.tensor([len(item.tokens) for item in items])
    frames = torch.tensor([len(item.mels) for item in items])
    join = nn.utils.rnn.pad_sequence
    return (
        join([item.tokens for item in items], batch_first=True),
        torch.arange(int(phones.max())) < phones.unsqueeze(1),
        join([item.mels.float() for item in items], batch_first=True),
        torch.arange(int(frames.max())) < frames.unsqueeze(1),
    )


def _alignable(item: Recording) -> bool:
    if 0 < len(item.tokens) <= len(item.mels):
        return True
    log.warning("%s left out: %d phones, %d frames", item.id, len(item.tokens), len(item.mels))
    return False
