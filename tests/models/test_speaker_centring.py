import pytest
import torch

from tts_vae.models.speech.speaker_centring import SpeakerCentring

BANDS, SPEAKERS, WIDTH = 12, 3, 5


def recordings(batch, seed, frames=30):
    """Speakers differ by a resonance; the features are a style, and where the speaker is."""
    generator = torch.Generator().manual_seed(seed)
    speaker = torch.randint(SPEAKERS, (batch,), generator=generator)
    mels = torch.randn(batch, frames, BANDS, generator=generator)
    mels[torch.arange(batch), :, 4 * speaker + 1] += 2
    style = torch.randn(batch, WIDTH, generator=generator)
    place = torch.tensor([[-6.0], [1.0], [9.0]])[speaker]
    return mels, torch.ones(batch, frames, dtype=torch.bool), speaker, style, style + place


def taught(steps=120, **options):
    torch.manual_seed(0)
    centring = SpeakerCentring(BANDS, SPEAKERS, WIDTH, width=16, layers=2, **options)
    optimizer = torch.optim.Adam(centring.parameters(), lr=3e-3)
    for step in range(steps):
        mels, mask, speaker, _, features = recordings(24, step)
        terms = centring.log_likelihood(mels, mask, speaker)
        optimizer.zero_grad()
        (-terms["speaker_recognised"].mean()).backward()
        optimizer.step()
        centring(features, mels, mask)
    return centring.eval()


def test_the_speaker_goes_and_the_style_stays():
    mels, mask, speaker, style, features = recordings(300, 1000)
    centred = taught(200, decay=0.9)(features, mels, mask)
    means = torch.stack([centred[speaker == k].mean(0) for k in range(SPEAKERS)])
    assert means.abs().max() < 0.5
    assert torch.corrcoef(torch.stack([centred[:, 0], style[:, 0]]))[0, 1] > 0.95
    # before: speakers lie 15 apart, and little of the style is to be seen
    assert torch.corrcoef(torch.stack([features[:, 0], style[:, 0]]))[0, 1] < 0.5


def test_usual_features_by_hand():
    """decay 1/2, one speaker: the first batch gives its mean, the next moves by (x - m) n / N."""
    centring = SpeakerCentring(BANDS, 1, 2, width=4, layers=1, decay=0.5)
    mels, mask = torch.zeros(2, 3, BANDS), torch.ones(2, 3, dtype=torch.bool)
    first = torch.tensor([[1.0, 4.0], [3.0, 8.0]])
    assert torch.equal(centring(first, mels, mask), first)  # nothing is usual yet
    torch.testing.assert_close(centring.usual, torch.tensor([[2.0, 6.0]]))
    centred = centring(torch.tensor([[5.0, 6.0]]), mels[:1], mask[:1])
    torch.testing.assert_close(centred, torch.tensor([[3.0, 0.0]]))
    # counts: 0.5 * 2 = 1, then 0.5 * 1 + 0.5 * 1 = 1; the mean moves half of the way from 2 to 5
    torch.testing.assert_close(centring.usual, torch.tensor([[3.5, 6.0]]))


def test_nothing_is_learned_outside_training():
    centring = taught(3)
    before = {name: tensor.clone() for name, tensor in centring.state_dict().items()}
    mels, mask, _, _, features = recordings(8, 5)
    centring(features, mels, mask)
    assert all(torch.equal(before[name], t) for name, t in centring.state_dict().items())


def test_what_is_usual_is_a_constant_to_the_gradient():
    centring = taught(3).train()
    mels, mask, _, _, features = recordings(8, 5)
    features.requires_grad_()
    centring.zero_grad()
    centring(features, mels, mask).sum().backward()
    torch.testing.assert_close(features.grad, torch.ones(8, WIDTH))
    assert all(parameter.grad is None for parameter in centring.parameters())


def test_padding_is_not_heard():
    centring = taught(3)
    mels, mask, _, _, features = recordings(4, 6)
    mask[:, 20:] = False
    other = mels.clone()
    other[:, 20:] = 7.0
    torch.testing.assert_close(centring(features, other, mask), centring(features, mels, mask))
    other[:, :20] += torch.randn(4, 20, BANDS)
    assert not torch.allclose(centring(features, other, mask), centring(features, mels, mask))


def test_decay_is_checked():
    with pytest.raises(ValueError, match=r"decay .* got 1"):
        SpeakerCentring(BANDS, SPEAKERS, WIDTH, decay=1.0)
