import math
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent))

from speech_targets import Targets  # noqa: E402

from tts_vae.models.likelihoods import LaplaceLikelihood
from tts_vae.models.speech.gain import DECIBEL_NEPERS
from tts_vae.models.speech.harmonics import HarmonicComb
from tts_vae.models.speech.onsets import OnsetDetector, log_rates, onset_targets
from tts_vae.models.speech.parallel import ParallelDecoder
from tts_vae.models.speech.text_encoder import ConvTextEncoder
from tts_vae.models.speech.upsampling import frame_to_phone, glide, phone_positions, whole_frames

SCALES = {
    "mels": 1.0,
    "duration": 0.1,
    "length": 0.05,
    "pitch": 0.5,
    "energy": 1.0,
    "pitch_level": 2.0,
}


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    return ParallelDecoder(
        ConvTextEncoder(12, width=16, layers=2),
        {"speaker": 3, "prosody": 4},
        n_mels=10,
        likelihoods={name: LaplaceLikelihood(scale) for name, scale in SCALES.items()},
        width=16,
        layers=2,
        style_width=8,
        predictor_layers=1,
        comb=HarmonicComb(10, 16, 22050, 0.0, 8000.0),
        level_site="speaker",
    ).eval()


@pytest.fixture
def targets():
    torch.manual_seed(1)
    phones = torch.tensor([6, 4])
    mask = torch.arange(6) < phones.unsqueeze(1)
    durations = torch.randint(1, 6, (2, 6)) * mask
    frames = int(durations.sum(1).max())
    mel_mask = torch.arange(frames) < durations.sum(1, keepdim=True)
    return Targets(
        tokens=torch.randint(1, 12, (2, 6)) * mask,
        token_mask=mask,
        mels=torch.randn(2, frames, 10),
        mel_mask=mel_mask,
        durations=durations,
        pitch_st=torch.randn(2, 6) + 20,
        energy_db=torch.randn(2, 6) - 30,
        voiced=torch.ones(2, 6),
    )


@pytest.fixture
def values():
    torch.manual_seed(2)
    return {"speaker": torch.randn(2, 3), "prosody": torch.randn(2, 4)}


def pad(targets, phones=3, frames=11):
    padded = {}
    for name in ("tokens", "token_mask", "durations", "pitch_st", "energy_db", "voiced"):
        padded[name] = F.pad(getattr(targets, name), (0, phones))
    padded["mels"] = F.pad(targets.mels, (0, 0, 0, frames), value=9.0)
    padded["mel_mask"] = F.pad(targets.mel_mask, (0, frames))
    return Targets(**padded)


def test_padding_changes_no_term(decoder, targets, values):
    terms, _ = decoder(targets, values)
    padded, _ = decoder(pad(targets), values)
    assert set(terms) == set(SCALES)
    for name, value in terms.items():
        torch.testing.assert_close(padded[name], value, rtol=1e-4, atol=1e-3)


def test_terms_are_one_number_per_example_and_independent_of_neighbours(decoder, targets, values):
    terms, _ = decoder(targets, values)
    alone = Targets(**{k: v[1:] for k, v in vars(targets).items()})
    single, _ = decoder(alone, {k: v[1:] for k, v in values.items()})
    for name, value in terms.items():
        assert value.shape == (2,)
        torch.testing.assert_close(single[name], value[1:], rtol=1e-4, atol=1e-3)


def test_samples_lead(decoder, targets, values):
    stacked = {k: torch.stack([v, v + 1, v]) for k, v in values.items()}
    terms, _ = decoder(targets, stacked)
    plain, _ = decoder(targets, values)
    for name, value in terms.items():
        assert value.shape == (3, 2)
        torch.testing.assert_close(value[0], plain[name])
        assert not torch.allclose(value[1], plain[name])


def test_without_durations_the_error_says_what_to_run(decoder, targets, values):
    targets.durations = None
    with pytest.raises(ValueError, match="recipes/align.py"):
        decoder(targets, values)


def test_controls_are_in_physical_units(decoder, targets, values):
    args = (targets.tokens, targets.token_mask, values)
    decoder.log_duration_mean.fill_(2.5)
    plain = decoder.generate(*args)
    higher = decoder.generate(*args, pitch_shift_st=3.0)
    slower = decoder.generate(*args, rate=0.5)
    louder = decoder.generate(*args, energy_shift_db=6.0)
    real = targets.token_mask
    torch.testing.assert_close(higher.pitch_st[real], plain.pitch_st[real] + 3)
    assert (higher.mels - plain.mels).abs().max() > 1e-3
    ratio = slower.durations.sum(1) / plain.durations.sum(1)
    torch.testing.assert_close(ratio, torch.full((2,), 2.0), atol=0.05, rtol=0)
    gain = (louder.mels - plain.mels)[plain.mel_mask]
    torch.testing.assert_close(gain, torch.full_like(gain, 6 * DECIBEL_NEPERS))
    assert torch.equal(louder.durations, plain.durations)


def test_style_reaches_mels_and_durations_through_every_site(decoder, targets, values):
    plain = decoder(targets, values)[1]
    for site in values:
        other = {**values, site: values[site] + 2}
        changed = decoder(targets, other)[1]
        assert (changed["mels"] - plain["mels"]).abs().max() > 1e-4
        assert (changed["log_duration"] - plain["log_duration"]).abs().max() > 1e-5


def test_the_pitch_level_follows_its_site_alone(decoder, targets, values):
    """Swapping the speaker moves the level; a precise pitch error never reaches its z."""
    with torch.no_grad():
        decoder.pitch_level.weight.fill_(1.0)
    z = values["speaker"].clone().requires_grad_()
    terms, plain = decoder(targets, {**values, "speaker": z})
    (from_level,) = torch.autograd.grad(terms["pitch_level"].sum(), z, retain_graph=True)
    expected = torch.sign(
        (targets.pitch_st * targets.token_mask).sum(1) / targets.token_mask.sum(1)
    )
    assert torch.equal(torch.sign(from_level[:, 0]), expected)
    low = decoder.generate(targets.tokens, targets.token_mask, values)
    other = {**values, "speaker": values["speaker"] + 1}
    high = decoder.generate(targets.tokens, targets.token_mask, other)
    torch.testing.assert_close(high.pitch_st - low.pitch_st, torch.full_like(low.pitch_st, 3.0))


def test_a_style_may_change_within_a_sentence(decoder, targets, values):
    constant = {k: v.unsqueeze(1).expand(-1, 6, -1).clone() for k, v in values.items()}
    plain = decoder.generate(targets.tokens, targets.token_mask, values)
    same = decoder.generate(targets.tokens, targets.token_mask, constant)
    torch.testing.assert_close(same.mels, plain.mels)
    constant["prosody"][:, 3:] += 2
    moved = decoder.generate(targets.tokens, targets.token_mask, constant)
    assert not torch.equal(moved.mels, plain.mels)


def test_missing_site_is_an_error(decoder, targets, values):
    del values["speaker"]
    with pytest.raises(ValueError, match=r"\['prosody', 'speaker'\], got \['prosody'\]"):
        decoder.generate(targets.tokens, targets.token_mask, values)


def test_rounding_is_unbiased_for_the_whole_utterance():
    durations = torch.full((1, 40), 5.4)
    rounded = whole_frames(durations, torch.ones(1, 40, dtype=torch.bool))
    assert rounded.sum() == 216
    assert set(rounded[0].tolist()) == {5, 6}


def test_frames_know_their_phone_and_place():
    durations = torch.tensor([[2, 3, 0]])
    index = frame_to_phone(durations, 5)
    assert index.tolist() == [[0, 0, 1, 1, 1]]
    fraction = phone_positions(durations, index)[0, :, 0]
    torch.testing.assert_close(fraction, torch.tensor([0.25, 0.75, 1 / 6, 0.5, 5 / 6]))


def test_glide_is_straight_between_the_middles_of_phones():
    durations = torch.tensor([[4, 4, 0]])
    mask = torch.tensor([[True, True, False]])
    index = frame_to_phone(durations, 8)
    fraction = phone_positions(durations, index)[..., 0]
    contour = glide(torch.tensor([[10.0, 14.0, -99.0]]), mask, index, fraction)[0]
    expected = torch.tensor([10.0, 10.0, 10.5, 11.5, 12.5, 13.5, 14.0, 14.0])
    torch.testing.assert_close(contour, expected)


def test_comb_is_the_cosine_of_harmonic_phase():
    comb = HarmonicComb(80, 5, 22050, 0.0, 8000.0)
    assert 40 < len(comb.centres_hz) < 60
    spacing = comb.centres_hz[:20].diff()
    assert (spacing - spacing.mean()).abs().max() < 2  # the Slaney scale is linear below 1 kHz
    f0_hz = comb.centres_hz[9].item() / 3  # band 9 sits on the third harmonic
    pitch = torch.tensor([[12 * torch.tensor(f0_hz / 55).log2().item()]])
    with torch.no_grad():
        comb.output.weight.zero_()
        comb.output.bias.zero_()
        comb.output.weight[0, 9] = 1.0
    assert comb(pitch)[0, 0, 0].item() == pytest.approx(1.0, abs=1e-3)


def test_onsets_are_counted_and_padding_is_not():
    durations = torch.tensor([[2, 0, 3, 1], [4, 1, 0, 0]])
    targets = onset_targets(durations, 7)
    assert targets.tolist() == [[1, 0, 1, 0, 0, 1, 0], [1, 0, 0, 0, 1, 0, 0]]
    mask = torch.arange(7) < durations.sum(1, keepdim=True)
    usual = torch.full((2, 7), 3.0)
    rates = log_rates(torch.where(targets > 0, 30.0, -30.0), usual, mask).exp()
    torch.testing.assert_close(rates, torch.tensor([[3 / 6, 9 / 6], [2 / 5, 6 / 5]]))
    detector = OnsetDetector(10, 4, width=8).eval()
    mels = torch.randn(1, 5, 10)
    whole, part = torch.ones(1, 5, dtype=torch.bool), torch.arange(9)[None] < 5
    alone = log_rates(*detector(mels, whole), whole)
    padded = log_rates(*detector(F.pad(mels, (0, 0, 0, 4), value=9.0), part), part)
    torch.testing.assert_close(padded, alone)


def test_usual_durations_are_means_and_score_best_when_right():
    detector = OnsetDetector(10, 4, width=8).eval()
    detector.fit_usual_frames(torch.tensor([1, 1, 2]), torch.tensor([2, 4, 9]))
    assert detector.usual_frames.tolist() == [5.0, 3.0, 9.0, 5.0]  # unseen: the mean of all
    mels, mask = torch.randn(1, 4, 10), torch.ones(1, 4, dtype=torch.bool)
    tokens, durations = torch.tensor([[1, 2, 0]]), torch.tensor([[1, 3, 0]])
    _, usual = detector(mels, mask)
    terms = detector.log_likelihood(mels, mask, tokens, durations)
    off = (usual[0, 0] - 3).abs() + (usual[0, 1] - 9).abs()
    torch.testing.assert_close(terms["usual_durations"][0], -(off + 2 * math.log(2)))


def test_statistics_come_from_real_phones_only(decoder, targets):
    decoder.fit_statistics([targets])
    expected = targets.energy_db[targets.token_mask].mean()
    torch.testing.assert_close(decoder.energy_db_mean, expected)
