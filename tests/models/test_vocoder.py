"""The vocoder network: exact lengths, no item hears another, transforms that undo each other."""

import math

import pytest
import torch

from tts_vae.audio.mel import MelConfig, MelSpectrogram, mel_basis
from tts_vae.models.vocoder.istft_vocoder import IstftVocoder
from tts_vae.models.vocoder.overlap import OverlapAdd
from tts_vae.models.vocoder.source import Excitation, PitchReader
from tts_vae.models.vocoder.spectra import power, spectrum

VARIANTS = {
    "dense": {},
    "depthwise": {"depthwise": True, "kernel_size": 7, "expansion": 3.0},
    "plain": {"amplitude_start": False, "refinements": 0},
    "refined": {"refinements": 3},
    "source": {"source": True},
}


def build(**options):
    torch.manual_seed(0)
    model = IstftVocoder(**{"width": 16, "layers": 2, **options})
    with torch.no_grad():  # as after training: everything has an effect
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.use_mel_basis(mel_basis(MelConfig()))
    return model.eval().requires_grad_(False)


def tone(samples, hz=220.0, rate=22050):
    time = torch.arange(samples) / rate
    return sum(0.2 / k * torch.sin(2 * math.pi * k * hz * time) for k in range(1, 9))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 31])
def test_every_number_of_frames_gives_its_samples(variant, frames):
    waveform = build(**VARIANTS[variant])(torch.randn(2, frames, 80) - 5)
    assert waveform.shape == (2, frames * 256) and waveform.dtype == torch.float32
    assert waveform.isfinite().all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_item_sounds_the_same_alone_and_in_a_batch(variant):
    model = build(**VARIANTS[variant])
    lengths = torch.tensor([5, 12, 9])
    mels = torch.randn(3, 12, 80) - 5
    together = model(mels, lengths)
    for item, frames in enumerate(lengths.tolist()):
        alone = model(mels[item : item + 1, :frames])[0]
        difference = together[item, : frames * 256] - alone
        # rounding of the pitch moves the highest harmonics of a source
        assert difference.norm() < (1e-2 if variant == "source" else 1e-4) * alone.norm()
        assert not together[item, frames * 256 :].any()
    other = mels.clone()
    other[0, 5:] = 3.0
    assert torch.equal(model(other, lengths)[0], together[0])


def test_transform_and_inverse_undo_each_other():
    frames, sound = OverlapAdd(1024, 256), tone(20 * 256 + 768).unsqueeze(0)
    again = frames.signal(frames.spectrum(sound), frames.weight(20, None))
    middle = slice(128, -128)  # where the windows vanish nothing can be undone
    torch.testing.assert_close(again[:, middle], sound[:, middle], rtol=0, atol=1e-5)
    assert torch.equal(frames.cut(sound, 20), sound[:, 384:-384])


def test_amplitude_start_speaks_the_spectrum_of_the_mels():
    analysis, sound = MelSpectrogram(), tone(40 * 256).unsqueeze(0)
    mels = analysis(sound)
    model = IstftVocoder(width=16, layers=1, refinements=0)
    model.use_mel_basis(mel_basis(MelConfig()))
    with torch.no_grad():
        model.head.weight.zero_()
        error = (analysis(model(mels)) - mels).abs().mean()
        blind = IstftVocoder(width=16, layers=1, amplitude_start=False, refinements=0)
        blind.head.weight.zero_()
        assert error < 0.5 * (analysis(blind(mels)) - mels).abs().mean()


def test_every_refinement_brings_the_mels_nearer():
    analysis, sound = MelSpectrogram(), tone(40 * 256).unsqueeze(0)
    mels = analysis(sound)
    errors = []
    for refinements in (0, 1, 4):
        model = build(refinements=refinements)
        errors.append(float((analysis(model(mels)) - mels).abs().mean()))
    assert errors[2] < errors[1] < errors[0]


def test_zero_phase_is_a_pulse_in_the_middle_of_a_frame():
    model = IstftVocoder(width=16, layers=1, amplitude_start=False, refinements=0)
    with torch.no_grad():
        model.head.weight.zero_()
        waveform = model(torch.full((1, 9, 80), -5.0))[0]
    assert (waveform.abs().reshape(9, 256).argmax(1)[2:-2] == 128).all()


def test_bfloat16_layers_say_nearly_the_same():
    model, mels = build(), torch.randn(1, 20, 80) - 5
    before = model(mels)
    model.to_bfloat16()
    after = model(mels)
    assert after.dtype == torch.float32
    assert 0 < (after - before).norm() / before.norm() < 0.2


def test_pulses_follow_the_pitch():
    excitation = Excitation(OverlapAdd(1024, 256)).eval()
    cycles = torch.full((1, 100), 100.0 / 22050)
    pulses = excitation.pulses(cycles, torch.ones(1, 100))
    assert pulses.shape == (1, 100 * 256 + 768)
    tops = (pulses[0] > 0.5 * pulses.max()).nonzero().flatten()
    periods = tops.diff()[tops.diff() > 10].float()
    assert abs(periods.mean() - 220.5) < 1
    torch.testing.assert_close(pulses.square().mean(), torch.tensor(1.0), atol=0.05, rtol=0)
    assert not excitation.pulses(cycles, torch.zeros(1, 100)).any()


@pytest.mark.parametrize("hop", [128, 256])
def test_pulses_of_a_gliding_pitch_lie_where_its_sum_is_whole(hop):
    rise = torch.linspace(0.004, 0.009, 60)
    pulses = Excitation(OverlapAdd(1024, hop)).eval().pulses(rise[None], torch.ones(1, 60))[0]
    own = pulses[(1024 - hop) // 2 :]
    tops = (
        (own[1:-1] > own[:-2]) & (own[1:-1] > own[2:]) & (own[1:-1] > 0.35 * own.max())
    ).nonzero()
    place = tops.flatten()[2:-2] + 1.0
    # an integral of a straight line from one top to the next: one cycle
    middle = (place[1:] + place[:-1]) / 2
    frequency = 0.004 + 0.005 * (middle / hop - 0.5) / 59
    inside = middle < 59 * hop
    assert inside.sum() > 40
    torch.testing.assert_close(
        (place.diff() * frequency)[inside], torch.ones(int(inside.sum())), atol=0.015, rtol=0
    )


def test_pulses_have_no_alias():
    excitation = Excitation(OverlapAdd(1024, 256)).eval()
    pulses = excitation.pulses(torch.full((1, 200), 0.013), torch.ones(1, 200))
    power = torch.fft.rfft(pulses[0, :51200] * torch.hann_window(51200)).abs().square()
    harmonics = torch.arange(1, 38) * 0.013 * 51200
    near = (torch.arange(len(power))[:, None] - harmonics).abs().amin(1) < 4
    assert power[~near].sum() < 1e-3 * power.sum()


def test_noise_is_another_in_every_training_step_and_always_the_same_afterwards():
    frames = OverlapAdd(1024, 256)
    excitation = Excitation(frames)
    learning = [excitation.noise(2, 5) for _ in range(2)]
    assert not torch.equal(*learning) and not torch.equal(*learning[0])
    spoken = [excitation.eval().noise(2, 300) for _ in range(2)]
    assert torch.equal(*spoken) and torch.equal(*spoken[0])
    # the frames of one stretch of noise of power 1, also where it begins again
    sound = frames.signal(spoken[0], frames.weight(300, None))
    assert torch.equal(spoken[0][0, 0], spoken[0][0, 256])
    torch.testing.assert_close(sound.square().mean(), torch.tensor(1.0), atol=0.02, rtol=0)
    torch.testing.assert_close(
        frames.spectrum(sound)[:, 2:-2], spoken[0][:, 2:-2], rtol=0, atol=1e-3
    )


def test_pitch_is_read_as_it_is_taught():
    reader = PitchReader(80)
    f0_hz = torch.tensor([[110.0, 0.0, 317.3]])
    ideal = torch.full((1, 3, 97), -50.0)
    ideal[..., 0] = torch.where(f0_hz > 0, 50.0, -50.0)
    centres = torch.linspace(math.log(45), math.log(720), 96)
    step = centres[1] - centres[0]
    share = (1 - (f0_hz.clamp(min=50).log().unsqueeze(-1) - centres).abs() / step).clamp(min=0)
    ideal[..., 1:] = (share + 1e-12).log()
    pitch, voiced = reader.read(ideal)
    torch.testing.assert_close(pitch[f0_hz > 0], f0_hz[f0_hz > 0], rtol=1e-3, atol=0)
    assert voiced.round().tolist() == [[1.0, 0.0, 1.0]]
    assert reader.loss(ideal, f0_hz) < reader.loss(torch.zeros(1, 3, 97), f0_hz)
    entropy = -(share * (share + 1e-12).log()).sum(-1)[f0_hz > 0].mean()
    torch.testing.assert_close(reader.loss(ideal, f0_hz), entropy, atol=1e-3, rtol=0)


def test_a_source_speaks_at_the_pitch_it_is_told():
    model = build(source=True)
    mels = torch.full((1, 60, 80), -4.0)
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.zero_()
    for hz in (110.0, 180.0):
        sound = model(mels, f0_hz=torch.full((1, 60), hz))[0]
        power = torch.fft.rfft(sound * torch.hann_window(len(sound))).abs().square()
        place = hz * len(sound) / 22050
        near = torch.arange(len(power)) % place
        on_harmonics = power[(near < 4) | (near > place - 4)].sum() / power.sum()
        assert on_harmonics > 0.8


def test_only_a_source_pays_for_its_pitch():
    mels, f0_hz = torch.randn(1, 6, 80) - 5, torch.full((1, 6), 120.0)
    assert build().pitch_loss(mels, f0_hz) == 0 < build(source=True).pitch_loss(mels, f0_hz)


@pytest.mark.parametrize("size", [4, 16])
def test_gradients_of_the_transforms(size):
    pieces = torch.randn(3, size, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(power, pieces)
    assert torch.autograd.gradcheck(lambda x: torch.view_as_real(spectrum(x)), pieces)
    torch.testing.assert_close(power(pieces), torch.fft.rfft(pieces).abs().square())
    assert torch.equal(spectrum(pieces), torch.fft.rfft(pieces))


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (lambda: IstftVocoder(kernel_size=4), "odd kernel_size"),
        (lambda: IstftVocoder(layers=0), "layers"),
        (lambda: IstftVocoder(hop_length=300), "divides n_fft"),
        (lambda: IstftVocoder()(torch.zeros(1, 4, 80)), "use_mel_basis"),
        (lambda: IstftVocoder().use_mel_basis(torch.zeros(80, 9)), r"\(80, 513\), got \(80, 9\)"),
        (lambda: build()(torch.zeros(4, 80)), "add a batch axis"),
        (lambda: build()(torch.zeros(1, 0, 80)), "at least one frame"),
    ],
)
def test_mistakes_are_named(action, words):
    with pytest.raises(ValueError, match=words):
        action()
