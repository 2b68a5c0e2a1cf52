import math

import pytest
import torch

from tts_vae.models.speech.augmentation import Augmentation
from tts_vae.models.speech.recogniser import CtcOutput, CtcRecogniser, steps_needed


@pytest.fixture
def recogniser():
    return CtcRecogniser(7, n_mels=5, conv_width=12, lstm_width=6).eval()


def masked(lengths, frames=None):
    lengths = torch.tensor(lengths)
    return torch.arange(frames or int(lengths.max())) < lengths.unsqueeze(1)


def test_default_size_and_shapes():
    recogniser = CtcRecogniser(50)
    assert 0.8e6 < sum(p.numel() for p in recogniser.parameters()) < 1e6
    output = recogniser(torch.randn(2, 9, 80), masked([9, 4]))
    assert output.log_probs.shape == (2, 5, 50)
    assert output.lengths.tolist() == [5, 2]
    torch.testing.assert_close(output.log_probs.exp().sum(-1), torch.ones(2, 5))


def test_padding_never_changes_a_step(recogniser):
    mels = torch.randn(3, 21, 5)
    mask = masked([21, 14, 1])
    batch = recogniser(mels.masked_fill(~mask.unsqueeze(-1), 1e3), mask)
    wider = recogniser(torch.cat([mels, torch.full((3, 9, 5), -7.0)], 1), masked([21, 14, 1], 30))
    for row, frames in enumerate([21, 14, 1]):
        steps = math.ceil(frames / 2)
        alone = recogniser(mels[row : row + 1, :frames], masked([frames])).log_probs[0]
        torch.testing.assert_close(batch.log_probs[row, :steps], alone)
        torch.testing.assert_close(wider.log_probs[row, :steps], alone)


def test_level_and_channel_do_not_matter(recogniser):
    mels = torch.randn(1, 30, 5)
    shifted = mels + torch.linspace(-2, 2, 5)
    torch.testing.assert_close(
        recogniser(mels, masked([30])).log_probs,
        recogniser(shifted, masked([30])).log_probs,
        atol=1e-4,
        rtol=1e-4,
    )


def test_loss_by_hand(recogniser):
    # three steps of probabilities (blank, a, b); "ab" can be written _ab a_b aab abb ab_
    p = torch.tensor([[0.2, 0.5, 0.3], [0.4, 0.1, 0.5], [0.3, 0.3, 0.4]])
    paths = ["012", "102", "112", "122", "120"]
    total = sum(math.prod(float(p[t, int(s)]) for t, s in enumerate(path)) for path in paths)
    output = CtcOutput(p.log().unsqueeze(0), torch.tensor([3]))
    nats = recogniser.loss(output, torch.tensor([[1, 2]]), torch.tensor([2]))
    assert nats.dtype == torch.float32
    assert float(nats) == pytest.approx(-math.log(total), abs=1e-5)


def test_loss_without_a_path_has_no_gradient(recogniser):
    log_probs = torch.randn(1, 2, 7).log_softmax(-1).requires_grad_()
    nats = recogniser.loss(
        CtcOutput(log_probs, torch.tensor([2])), torch.tensor([[1, 1]]), torch.tensor([2])
    )
    nats.sum().backward()
    assert float(nats.detach()) == 0.0
    assert float(log_probs.grad.abs().sum()) == 0.0
    assert steps_needed([1, 1]) == 3
    assert steps_needed([1, 2, 1]) == 3
    assert steps_needed([]) == 0


def test_greedy_merges_repeats_and_drops_blanks(recogniser):
    path = torch.tensor([[1, 1, 0, 1, 2, 2, 0, 3]])
    log_probs = torch.nn.functional.one_hot(path, 7).float()
    assert recogniser.greedy(CtcOutput(log_probs, torch.tensor([8]))) == [[1, 1, 2, 3]]
    assert recogniser.greedy(CtcOutput(log_probs, torch.tensor([5]))) == [[1, 1, 2]]


def test_errors_say_what_to_do(recogniser):
    with pytest.raises(ValueError, match=r"\(batch, frames, 5\), got \(1, 4, 3\)"):
        recogniser(torch.zeros(1, 4, 3), masked([4]))
    with pytest.raises(ValueError, match="at least one frame"):
        recogniser(torch.zeros(2, 4, 5), masked([4, 0]))
    with pytest.raises(ValueError, match="got 1"):
        CtcRecogniser(1)


def test_nothing_is_disturbed_without_settings():
    mels, mask = torch.randn(2, 10, 4), masked([10, 7])
    same, same_mask = Augmentation()(mels, mask, torch.Generator())
    assert torch.equal(same, mels) and torch.equal(same_mask, mask)


def test_tempo_stretches_each_utterance_linearly():
    lengths = [40, 25]
    ramp = torch.arange(40.0).view(1, 40, 1).expand(2, 40, 3)
    generator = torch.Generator().manual_seed(3)
    mels, mask = Augmentation(tempo=0.2)(ramp, masked(lengths), generator)
    stretched = mask.sum(1).tolist()
    assert stretched[0] != 40 and stretched[1] != 25
    for row, (before, after) in enumerate(zip(lengths, stretched, strict=True)):
        assert 0.8 * before - 1 <= after <= 1.2 * before + 1
        torch.testing.assert_close(mels[row, :after, 0], torch.linspace(0, before - 1, after))
        assert float(mels[row, after:].abs().sum()) == 0.0


def test_masks_hide_bounded_spans_behind_the_mean():
    mels, mask = torch.rand(64, 50, 20) + 1, masked([50] * 64)
    augment = Augmentation(
        frequency_masks=1, frequency_mask_width=4, time_masks=1, time_mask_share=0.1
    )
    disturbed, same_mask = augment(mels, mask, torch.Generator().manual_seed(0))
    assert torch.equal(same_mask, mask)
    hidden = disturbed != mels
    bands = hidden.all(1).sum(1)
    frames = hidden.all(2).sum(1)
    assert int(bands.max()) == 4 and int(bands.min()) == 0
    assert int(frames.max()) == 5 and int(frames.min()) == 0
    mean = mels.mean(1, keepdim=True).expand_as(mels)
    torch.testing.assert_close(disturbed[hidden], mean[hidden])
