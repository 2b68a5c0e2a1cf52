import pytest
import torch

from tts_vae.models.speech.aligner import (
    ForwardSumAligner,
    beta_binomial_prior,
    monotonic_alignment_search,
)


def paths(phones, frames):
    """Every way of giving each phone at least one frame."""
    if phones == 1:
        return [(frames,)]
    return [
        (first, *rest)
        for first in range(1, frames - phones + 2)
        for rest in paths(phones - 1, frames - first)
    ]


def path_score(scores, durations):
    index = torch.repeat_interleave(torch.arange(len(durations)), torch.tensor(durations))
    return scores[torch.arange(len(index)), index].sum()


def test_search_finds_the_best_of_all_paths():
    torch.manual_seed(0)
    scores = torch.randn(3, 8, 4)
    phones, frames = torch.tensor([4, 3, 1]), torch.tensor([8, 6, 5])
    found = monotonic_alignment_search(scores, phones, frames)
    for item in range(3):
        n, t = int(phones[item]), int(frames[item])
        best = max(paths(n, t), key=lambda d: path_score(scores[item], d).item())
        assert tuple(found[item, :n].tolist()) == best
        assert found[item, n:].sum() == 0


def test_too_few_frames_is_an_error():
    with pytest.raises(ValueError, match="item 0 has 3 phones in 2 frames"):
        monotonic_alignment_search(torch.randn(1, 2, 3), torch.tensor([3]), torch.tensor([2]))


def test_prior_is_the_beta_binomial_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    prior = beta_binomial_prior(torch.tensor([4]), torch.tensor([6]), 6, 4)[0].exp()
    for t in range(1, 7):
        expected = stats.betabinom.pmf(range(4), 3, t, 6 - t + 1)
        torch.testing.assert_close(
            prior[t - 1], torch.tensor(expected).float(), atol=1e-5, rtol=1e-4
        )


def test_training_recovers_a_known_alignment():
    torch.manual_seed(0)
    patterns = torch.randn(6, 10) * 2
    aligner = ForwardSumAligner(6, 10, width=16)
    optimizer = torch.optim.Adam(aligner.parameters(), lr=5e-3)

    def batch():
        tokens = torch.stack([torch.randperm(5)[:4] + 1 for _ in range(8)])
        durations = torch.randint(2, 6, (8, 4))
        frames = int(durations.sum(1).max())
        mask = torch.arange(frames) < durations.sum(1, keepdim=True)
        mels = torch.zeros(8, frames, 10)
        for i in range(8):
            mels[i, mask[i]] = patterns[torch.repeat_interleave(tokens[i], durations[i])]
        return tokens, torch.ones_like(tokens, dtype=torch.bool), mels - 5, mask, durations

    for _ in range(150):
        tokens, token_mask, mels, mask, _ = batch()
        attention = aligner(tokens, token_mask, mels, mask)
        loss = aligner.loss(attention, token_mask, mask).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    tokens, token_mask, mels, mask, durations = batch()
    found = aligner.durations(aligner(tokens, token_mask, mels, mask), token_mask, mask)
    assert (found - durations).abs().float().mean() < 0.5
