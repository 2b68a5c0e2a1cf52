import math

import numpy as np
import pytest
import torch

pytest.importorskip("parselmouth")

from tts_vae.audio.mel import MelConfig, mel_basis  # noqa: E402
from tts_vae.audio.prosody import track_f0  # noqa: E402
from tts_vae.models.vocoder.istft_vocoder import IstftVocoder  # noqa: E402
from tts_vae.synthesis.sentence_speaker import SentenceSpeaker  # noqa: E402
from tts_vae.synthesis.told_pitch import spoken_f0  # noqa: E402
from tts_vae.synthesis.vocoder_bundle import NeuralVocoder, VocoderBundle  # noqa: E402

MEL = MelConfig()


def network(**sizes) -> IstftVocoder:
    torch.manual_seed(0)
    model = IstftVocoder(width=8, layers=1, **sizes)
    model.use_mel_basis(mel_basis(MEL))
    return model.eval().requires_grad_(False)


def test_the_contour_goes_from_middle_to_middle():
    durations = torch.tensor([[4, 2, 4]])
    pitch = torch.tensor([[0.0, 12.0, float("nan")]])
    hz = spoken_f0(durations, pitch, 10)
    assert hz.shape == (1, 10)
    assert hz[0, 0] == 55 and 55 < hz[0, 2] < hz[0, 3]
    assert hz[0, :4].isfinite().all() and hz[0, 6:].isnan().all()
    high = spoken_f0(durations, torch.full((1, 3), 99.0), 10)
    torch.testing.assert_close(high, torch.full((1, 10), 55.0 * 2**4))  # as far as a comb draws


def told(model: IstftVocoder, f0_hz: torch.Tensor) -> np.ndarray:
    """What an untrained network with a source makes of flat mels, always voiced."""
    mels = torch.full((1, 172, 80), -3.0)
    return model(mels, f0_hz=f0_hz, voiced=torch.ones(1, 172))[0].numpy()


@pytest.mark.parametrize("f0_hz", [70.0, 150.0, 300.0])
def test_a_source_sounds_at_the_pitch_that_it_is_told(f0_hz):
    sound = told(network(source=True, refinements=2), torch.full((1, 172), f0_hz))
    # within an octave: every second period fits whole samples better
    track = track_f0(sound, MEL.sample_rate, fmin=0.7 * f0_hz, fmax=1.5 * f0_hz)
    assert (np.abs(track / f0_hz - 1) < 0.02).mean() > 0.9


def test_what_is_not_told_is_read():
    model, mels = network(source=True, refinements=1), torch.randn(1, 30, 80) - 5
    nothing = torch.full((1, 30), float("nan"))
    torch.testing.assert_close(model(mels, f0_hz=nothing), model(mels), rtol=0, atol=0)
    half = torch.cat([torch.full((1, 15), 90.0), nothing[:, 15:]], 1)
    told = model(mels, f0_hz=half)
    assert told.isfinite().all() and not torch.equal(told, model(mels))


def test_only_a_decoder_that_draws_its_pitch_tells_it(voice):
    def speaker(vocoder):
        return SentenceSpeaker(voice.bundle, voice.bundle.symbols, vocoder)

    def bundle(source: bool) -> NeuralVocoder:
        return NeuralVocoder(VocoderBundle(network(source=source), MEL, {}), precision="float32")

    assert bundle(True).takes_pitch and not bundle(False).takes_pitch
    # the tiny voice has no comb
    assert not speaker(bundle(True))._tells_pitch
    voice.bundle.model.decoder.comb, before = torch.nn.Identity(), voice.bundle.model.decoder.comb
    try:
        assert speaker(bundle(True))._tells_pitch
        assert not speaker(bundle(False))._tells_pitch and not speaker(None)._tells_pitch
        assert not speaker(lambda mels: mels[..., 0])._tells_pitch
    finally:
        voice.bundle.model.decoder.comb = before
    assert math.isfinite(float(voice.speak("a").waveform.sum()))
