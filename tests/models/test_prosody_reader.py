import math

import pytest
import torch

from tts_vae.models.speech.prosody_reader import ProsodyReader, frame_pitch
from tts_vae.models.speech.reference_encoder import ConvGruReferenceEncoder

BANDS = 24


def hand_made(batch, seed, frames=40):
    """Mels with one harmonic whose band says the pitch, in the middle frames; silence around."""
    generator = torch.Generator().manual_seed(seed)
    semitones = 12 + 18 * torch.rand(batch, 1, generator=generator)
    contour = semitones + 2 * torch.sin(torch.arange(frames) / 4)
    bands = torch.arange(BANDS).float()
    peak = torch.exp(-0.5 * (bands - (contour.unsqueeze(-1) - 8)).square())
    voiced = (torch.arange(frames) >= 8) & (torch.arange(frames) < 32)
    mels = 4 * peak * voiced.unsqueeze(-1) - 6
    mels = mels + 0.1 * torch.randn(mels.shape, generator=generator)
    # a phone is four frames
    durations = torch.full((batch, frames // 4), 4)
    pitch_st = contour.unflatten(1, (-1, 4)).mean(-1)
    share = voiced.float().unflatten(0, (-1, 4)).mean(-1).expand(batch, -1)
    return mels, torch.ones(batch, frames, dtype=torch.bool), durations, pitch_st, share


def taught(steps):
    torch.manual_seed(0)
    reader = ProsodyReader(BANDS, width=24, layers=2, dropout=0.0)
    _, _, _, pitch_st, share = hand_made(64, 0)
    reader.fit_pitch(pitch_st[share > 0.5])
    optimizer = torch.optim.Adam(reader.parameters(), lr=3e-3)
    for step in range(steps):
        mels, mask, durations, pitch_st, share = hand_made(32, 1 + step)
        terms = reader.log_likelihood(mels / 3, mask, durations, pitch_st, share)
        optimizer.zero_grad()
        (-sum(terms.values()).mean()).backward()
        optimizer.step()
    return reader.eval()


def read(reader, mels, mask):
    log_odds, pitch_st = reader(mels / 3, mask)
    return reader.readings(torch.sigmoid(log_odds), pitch_st, mels, mask)


@torch.no_grad()
def off(reader):
    """Mean absolute error of the level and of the log of the range on mels never seen."""
    mels, mask, durations, pitch_st, share = hand_made(64, 1000)
    known = reader.readings(*frame_pitch(durations, pitch_st, share, 40), mels, mask)
    return (read(reader, mels, mask) - known).abs().mean(0)[:2]


def test_pitch_is_learned_from_phones():
    assert off(taught(0))[0] > 2
    level, log_range = off(taught(150))
    assert level < 0.5 and log_range < 0.2


def readings_of(contour, share, mels=None):
    reader = ProsodyReader(BANDS, width=8, layers=1)
    reader.fit_pitch(torch.tensor([10.0, 14.0]))
    mels = torch.full((1, len(contour), BANDS), -3.0) if mels is None else mels
    mask = torch.ones(1, len(contour), dtype=torch.bool)
    return reader.readings(torch.tensor([share]), torch.tensor([contour]), mels, mask)[0]


def test_readings_by_hand():
    """99 voiced frames at 20 and 24 st and one at the usual 12: unvoiced ones do not count."""
    contour, share = [20.0] * 50 + [24.0] * 49 + [90.0] * 30, [1.0] * 99 + [0.0] * 30
    level, log_range, loudness = readings_of(contour, share)
    mean = (20 * 50 + 24 * 49 + 12) / 100
    assert level == pytest.approx(mean, abs=1e-4)
    variance = (50 * (20 - mean) ** 2 + 49 * (24 - mean) ** 2 + 1) / 100
    assert log_range == pytest.approx(0.5 * math.log(variance), abs=1e-4)
    assert loudness == pytest.approx(20 * math.log10(math.exp(-3)), abs=1e-4)


def test_without_voice_the_pitch_is_the_usual_one():
    level, log_range, _ = readings_of([60.0] * 20, [0.0] * 20)
    assert level == pytest.approx(12.0) and log_range == pytest.approx(0.0)


def test_twice_the_magnitude_is_six_decibels_more():
    mels = torch.randn(1, 20, BANDS)
    quiet, loud = (readings_of([20.0] * 20, [1.0] * 20, m) for m in (mels, mels + math.log(2)))
    assert loud[2] - quiet[2] == pytest.approx(20 * math.log10(2), abs=1e-4)
    assert torch.equal(loud[:2], quiet[:2])


def test_frames_have_the_pitch_of_their_phone():
    share, pitch_st = frame_pitch(
        torch.tensor([[2, 0, 3]]),
        torch.tensor([[20.0, 5.0, 24.0]]),
        torch.tensor([[1.0, 0, 0.5]]),
        5,
    )
    assert pitch_st.tolist() == [[20, 20, 24, 24, 24]]
    assert share.tolist() == [[1, 1, 0.5, 0.5, 0.5]]


def test_features_follow_the_pitch_that_is_read():
    """The rest of the encoder is deaf here: what moves the features is what was read."""
    reader = taught(100)
    encoder = ConvGruReferenceEncoder(BANDS, (4, 8), feature_width=8, reader=reader).eval()
    encoder.requires_grad_(False)
    encoder.mels_std.fill_(3.0)
    encoder.readings_mean.copy_(torch.tensor([21.0, 0.5, -40.0]))
    encoder.readings_std.copy_(torch.tensor([5.0, 0.3, 3.0]))
    encoder.norm.weight.zero_()
    encoder.reading.weight.copy_(torch.eye(8, 3))
    mels, mask, durations, pitch_st, share = hand_made(64, 1000)
    known = reader.readings(*frame_pitch(durations, pitch_st, share, 40), mels, mask)
    level = encoder(mels, mask)[:, 0] - encoder.reading.bias[0] - encoder.norm.bias[0]
    assert torch.corrcoef(torch.stack([level, known[:, 0]]))[0, 1] > 0.98
