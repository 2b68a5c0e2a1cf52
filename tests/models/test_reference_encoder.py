import pytest
import torch
from torch.nn import functional as F

from tts_vae.models.speech.onsets import OnsetDetector
from tts_vae.models.speech.reference_encoder import (
    BiLstmReferenceEncoder,
    ConvGruReferenceEncoder,
)

ENCODERS = [
    lambda: ConvGruReferenceEncoder(20, (4, 8), feature_width=16),
    lambda: ConvGruReferenceEncoder(
        20, (4, 8), feature_width=16, onsets=OnsetDetector(20, 30, width=8, dropout=0.0)
    ),
    lambda: BiLstmReferenceEncoder(20, 12, feature_width=16),
]


def inputs(lengths=(50, 31), frames=50):
    torch.manual_seed(0)
    mask = torch.arange(frames) < torch.tensor(lengths).unsqueeze(1)
    return torch.randn(len(lengths), frames, 20) - 4, mask


@pytest.mark.parametrize("make", ENCODERS)
def test_padding_never_reaches_the_embedding(make):
    encoder = make().eval()
    mels, mask = inputs()
    garbage = F.pad(mels, (0, 0, 0, 29), value=7.0)
    garbage[~F.pad(mask, (0, 29))] = 7.0
    torch.testing.assert_close(encoder(mels, mask), encoder(garbage, F.pad(mask, (0, 29))))


@pytest.mark.parametrize("make", ENCODERS)
def test_batch_neighbours_do_not_matter(make):
    encoder = make().train()
    mels, mask = inputs()
    alone = encoder(mels[1:, :31], mask[1:, :31])
    torch.testing.assert_close(encoder(mels, mask)[1:], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("make", ENCODERS)
def test_time_and_frequency_are_not_scrambled(make):
    """A change in the last frame of the shorter item moves its embedding; one past it does not."""
    encoder = make().eval()
    mels, mask = inputs()
    before = encoder(mels, mask)
    inside, outside = mels.clone(), mels.clone()
    inside[1, 30] += 3
    outside[1, 31] += 3
    assert (encoder(inside, mask)[1] - before[1]).abs().max() > 1e-4
    torch.testing.assert_close(encoder(outside, mask), before)


def test_width_is_as_asked():
    mels, mask = inputs()
    assert ENCODERS[0]()(mels, mask).shape == (2, 16)
