import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent))

from speech_targets import Targets  # noqa: E402

from tts_vae.models.speech.onsets import OnsetDetector
from tts_vae.models.speech.prosody_reader import ProsodyReader
from tts_vae.models.speech.reference_encoder import (
    BiLstmReferenceEncoder,
    ConvGruReferenceEncoder,
)
from tts_vae.models.speech.speaker_centring import SpeakerCentring


@dataclass
class KnownSpeaker(Targets):
    """Targets whose speakers are known too."""

    speaker: torch.Tensor


ENCODERS = [
    lambda: ConvGruReferenceEncoder(20, (4, 8), feature_width=16),
    lambda: ConvGruReferenceEncoder(
        20, (4, 8), feature_width=16, onsets=OnsetDetector(20, 30, width=8, dropout=0.0)
    ),
    lambda: BiLstmReferenceEncoder(20, 12, feature_width=16),
    lambda: BiLstmReferenceEncoder(
        20, 12, feature_width=16, reader=ProsodyReader(20, width=8, dropout=0.0)
    ),
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


def test_units_and_recognition_come_from_a_batch():
    """Four phones of five frames each: every recogniser gets units, and terms to learn from."""
    torch.manual_seed(0)
    phones, mels = 4, torch.randn(3, 20, 20) - 4
    batch = KnownSpeaker(
        tokens=torch.randint(1, 30, (3, phones)),
        token_mask=torch.ones(3, phones, dtype=torch.bool),
        mels=mels,
        mel_mask=torch.ones(3, 20, dtype=torch.bool),
        durations=torch.full((3, phones), 5),
        pitch_st=torch.tensor([[10.0], [20.0], [24.0]]).expand(3, phones),
        energy_db=torch.zeros(3, phones),
        voiced=torch.ones(3, phones),
        speaker=torch.tensor([0, 1, 1]),
    )
    encoder = ConvGruReferenceEncoder(
        20,
        (4, 8),
        feature_width=16,
        onsets=OnsetDetector(20, 30, width=8),
        reader=ProsodyReader(20, width=8),
        centring=SpeakerCentring(20, 2, 16, width=8),
    )
    encoder.fit_statistics([batch])
    # twenty frames of each pitch, and one of the mean of all
    levels = torch.tensor([10.0, 20, 24]) * 20 / 21 + 18 / 21
    torch.testing.assert_close(encoder.readings_mean[0], levels.mean())
    torch.testing.assert_close(encoder.readings_std[0], levels.std())
    terms = encoder.recognition(batch)
    assert set(terms) == {
        *("onsets", "usual_durations", "voicing_read", "pitch_read", "speaker_recognised")
    }
    sum(terms.values()).sum().backward()
    learned = {n.split(".")[0] for n, p in encoder.named_parameters() if p.grad is not None}
    assert learned == {"onsets", "reader", "centring"}
    encoder.zero_grad()
    encoder(mels, batch.mel_mask).square().sum().backward()
    reached = {n.split(".")[0] for n, p in encoder.named_parameters() if p.grad is not None}
    assert reached == {"convs", "norms", "gru", "average", "norm", "rate", "reading"}
    batch.durations = None
    assert set(encoder.recognition(batch)) == {"speaker_recognised"}
