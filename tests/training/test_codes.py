"""Training with a quantiser: what is exported, what stops a run, and what resumes."""

import signal

import numpy as np
import pytest
import torch
from tiny_corpus import write_tiny_corpus

from tts_vae.cli import main
from tts_vae.latents import GaussianLatent, VectorQuantizerLatent
from tts_vae.models.speech.reference_encoder import ConvGruReferenceEncoder
from tts_vae.synthesis.voice import Voice
from tts_vae.training.callbacks import CollapseError
from tts_vae.training.site_values import codes_in_use, component_usage, typical_value

SMALL = ("model.latents.prosody.codes=5", "mixture_start.step=1")


@pytest.fixture(scope="module")
def folders():
    """latent -> a trained voice, by the test that needs it first."""
    return {}


@pytest.fixture(params=["vq", "vq_ema", "rvq"])
def trained(request, run, folders):
    name = request.param
    if name not in folders:
        folders[name] = run(f"latent={name}", *SMALL, output=name)
    return folders[name]


def test_the_voice_knows_its_codes_and_how_often_each_is_meant(trained, tmp_path, capsys):
    voice = Voice.load(trained)
    latent = voice.bundle.model.sites["prosody"]
    assert voice.components == latent.code_count == 5
    stored = voice.bundle.styles["sites"]["prosody"]
    assert len(stored["usage"]) == 5 and sum(stored["usage"]) == pytest.approx(1, abs=1e-5)
    assert "usage" not in voice.bundle.styles["sites"]["speaker"]
    usual = voice.style().values["prosody"]
    levels = getattr(latent, "levels", None) or 1
    codes = torch.cartesian_prod(*[torch.arange(5)] * levels)
    named = latent.codes_to_z(codes.reshape(-1, levels) if latent.levels else codes)
    assert (usual - named.detach()).norm(dim=-1).min() < 1e-4, "it is one of the codes"
    assert torch.equal(voice.style(component=3).values["prosody"], latent.component(3))
    output = str(tmp_path / "a.wav")
    speak = ["speak", "hello", "--voice", str(trained), "--out", output, "--component"]
    assert main([*speak, "3"]) == 0
    capsys.readouterr()
    assert main([*speak, "5"]) == 2
    assert "unknown component 5; this voice has 0 to 4" in capsys.readouterr().err


def test_nothing_of_the_training_is_lost_in_the_voice(trained):
    """Encoding a recording with the voice moves no codebook, and the codebook has started."""
    latent = Voice.load(trained).bundle.model.sites["prosody"]
    books = getattr(latent, "codebooks", None) or [latent.codebook]
    assert all(book.started for book in books)
    assert not latent.training
    before = {name: value.clone() for name, value in latent.state_dict().items()}
    latent(torch.randn(4, latent.feature_width))
    assert all(torch.equal(value, before[name]) for name, value in latent.state_dict().items())


def test_a_quantiser_has_no_kl_to_collapse(run):
    settings = ("latent=vq_ema", *SMALL, "collapse.after_step=1", "collapse.min_kl_nats=1e9")
    run(*settings, "collapse.min_active_units=0", "steps=4")


def test_one_code_for_everything_stops_the_run(run, tmp_path, monkeypatch):
    encode = ConvGruReferenceEncoder.forward
    monkeypatch.setattr(
        ConvGruReferenceEncoder, "forward", lambda self, mels, mask: 0 * encode(self, mels, mask)
    )
    settings = ("latent=vq_ema", *SMALL, "collapse.after_step=1", "collapse.min_active_units=0")
    settings += ("collapse.min_kl_nats=0", "steps=4")
    run(*settings, output="four recordings say too little")
    corpus = write_tiny_corpus(tmp_path / "more", train=6, valid=10)
    settings += (f"corpus.dir={corpus}",)
    message = r"'prosody' has collapsed at step \d: perplexity 1.00; try kmeans_start=true, .*reviv"
    with pytest.raises(CollapseError, match=message):
        run(*settings, output="stopped")
    run(*settings, "collapse.min_perplexity=1.0", output="allowed")


@pytest.mark.parametrize("latent", ["vq", "vq_ema", "rvq"])
def test_a_resumed_run_continues_exactly(run, at_step, latent):
    settings = (f"latent={latent}", *SMALL, "steps=7", "model.latents.prosody.revival_patience=3")
    whole = (run(*settings, output="whole") / "model.safetensors").read_bytes()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    stops = [4]

    def stop(number, module, batch):
        if number in stops:
            stops.remove(number)
            signal.raise_signal(signal.SIGINT)

    at_step.actions.append(stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(*settings, output="parts")
    finally:
        signal.signal(signal.SIGINT, before)
    resumed = run(*settings, "resume=true", output="parts")
    assert (resumed / "model.safetensors").read_bytes() == whole


def test_penalties_must_be_weighed(run):
    with pytest.raises(ValueError, match="weighs .*'commitment'.* but the latents emit .*codebook"):
        run("latent=vq_ema", "model.latents.prosody.update=codebook", "steps=1")


def test_usage_counts_codes_by_hand():
    latent = VectorQuantizerLatent(4, 2, 4, projection=True)
    codes = torch.tensor([[0], [2], [2], [2]])
    assert component_usage(latent, torch.zeros(4, 2), codes).tolist() == [0.25, 0, 0.75, 0]
    levels = torch.tensor([[3, 0], [3, 1], [1, -1], [1, 0]])
    assert component_usage(latent, torch.zeros(4, 2), levels).tolist() == [0, 0.5, 0, 0.5]
    assert component_usage(GaussianLatent(4, 2), torch.zeros(4, 2)) is None


def test_combinations_of_levels_count_as_one_choice():
    same_first = torch.tensor([[1, 0], [1, 1], [1, 2], [1, 3]])
    assert codes_in_use(same_first) == pytest.approx(4)
    assert codes_in_use(same_first[:, :1]) == pytest.approx(1)
    shares = np.array([0.75, 0.25])
    expected = np.exp(-(shares * np.log(shares)).sum())
    assert codes_in_use(torch.tensor([[4], [4], [0], [4]])) == pytest.approx(expected)


def test_the_typical_value_is_one_that_occurs_where_there_are_codes():
    means = torch.tensor([[0.0, 0.0], [1.0, 0.0], [4.0, 0.0]])
    assert typical_value(means).tolist() == pytest.approx([5 / 3, 0])
    assert typical_value(means, torch.zeros(3, 1)).tolist() == [1.0, 0.0]
