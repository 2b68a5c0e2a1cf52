"""Losses of vocoders: nothing for the same sound, something for another, and known values."""

import pytest
import torch

from tts_vae.audio.mel import MelConfig, MelSpectrogram, mel_basis
from tts_vae.models.vocoder.discriminators import Critics, PeriodCritic, ResolutionCritic
from tts_vae.models.vocoder.losses import (
    MelLoss,
    StftLoss,
    critic_loss,
    feature_matching,
    generator_loss,
)

SMALL = {"period_channels": (2, 4), "resolutions": ((256, 64), (128, 32)), "resolution_channels": 2}


def mel_loss():
    mel = MelConfig()
    return MelLoss(mel_basis(mel), mel.hop_length, mel.win_length, mel.floor)


@pytest.mark.parametrize("loss", [StftLoss(), mel_loss()], ids=["stft", "mel"])
def test_spectral_losses(loss):
    real = 0.1 * torch.randn(2, 4096)
    assert loss(real, real) < 1e-6
    near, far = loss(real + 0.01 * torch.randn_like(real), real), loss(torch.zeros(2, 4096), real)
    assert 0 < near < far
    fake = real.clone().requires_grad_()
    loss(fake, real).backward()
    assert fake.grad.isfinite().all()
    with pytest.raises(ValueError, match="one shape"):
        loss(real, real[:, :-1])


def test_stft_loss_of_half_the_amplitude():
    """Spectral convergence is 1/2 and the log distance log 2, whatever the resolution."""
    real = torch.randn(1, 8192)
    loss = StftLoss(floor=1e-6)(0.5 * real, real)
    torch.testing.assert_close(loss, torch.tensor(0.5 + 0.693147), atol=1e-3, rtol=0)


def test_stft_loss_of_one_resolution_by_torch():
    fake, real = torch.randn(2, 2, 4096)
    ours = StftLoss([(512, 120, 400)], floor=1e-5)(fake, real)
    window = torch.hann_window(400)
    spectra = [
        torch.stft(x, 512, 120, 400, window, return_complex=True).abs() for x in (fake, real)
    ]
    convergence = (spectra[1] - spectra[0]).norm() / spectra[1].norm()
    logs = (spectra[1].log() - spectra[0].log()).abs().mean()
    torch.testing.assert_close(ours, convergence + logs, rtol=1e-4, atol=1e-4)


def test_mel_loss_analyses_as_the_product_does():
    audio = 0.1 * torch.randn(2, 4096)
    torch.testing.assert_close(mel_loss().mels(audio), MelSpectrogram()(audio))


def test_stft_loss_refuses_what_is_no_resolution():
    for resolutions in ([], [(256, 64, 512)], [(255, 64, 255)]):
        with pytest.raises(ValueError, match="at least one resolution"):
            StftLoss(resolutions)


def test_hinge_losses_by_hand():
    real, fake = [torch.tensor([2.0, 0.0])], [torch.tensor([-2.0, 1.0])]
    # real: mean(max(0, 1 - s)) = 1/2; fake: mean(max(0, 1 + s)) = 1
    assert critic_loss(real, fake) == 1.5
    assert generator_loss(fake) == 1.5  # mean(3, 0)


def test_critics_judge_every_sample_and_keep_their_layers():
    critics = Critics((2, 3), **SMALL)
    judged = critics(torch.randn(3, 1000))
    assert len(judged.scores) == len(judged.features) == 4
    assert all(score.shape[0] == 3 and score.ndim == 2 for score in judged.scores)
    assert [len(layers) for layers in judged.features] == [2, 2, 5, 5]


def test_shapes_inside_a_critic():
    score, layers = PeriodCritic(3, (2, 4))(torch.randn(2, 100))
    # 100 samples are padded to 34 rows of 3; one layer shortens them threefold
    assert [tuple(x.shape) for x in layers] == [(2, 2, 12, 3), (2, 4, 12, 3)]
    assert score.shape == (2, 36)
    score, layers = ResolutionCritic(64, 16, 2)(torch.randn(2, 160))
    assert layers[0].shape == (2, 2, 11, 33) and layers[-1].shape == (2, 2, 11, 5)
    assert score.shape == (2, 55)


def test_feature_matching():
    critics = Critics((2, 3), **SMALL)
    audio = torch.randn(2, 600)
    real, same, other = critics(audio), critics(audio), critics(0.5 * audio)
    assert feature_matching(real.features, same.features) == 0
    loss = feature_matching(real.features, other.features)
    assert loss > 0
    one, two = [[torch.zeros(2)], [torch.ones(2)]], [[torch.ones(2)], [torch.zeros(2)]]
    assert feature_matching(one, two) == 1


def test_no_critic_is_refused():
    with pytest.raises(ValueError, match="start_step=null"):
        Critics((), resolutions=())
