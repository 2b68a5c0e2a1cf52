"""Durations for a corpus that has none."""

import json
from dataclasses import dataclass

import pytest
import torch
from tiny_corpus import F0_TRACKER, write_tiny_corpus

from recipes.align import align
from recipes.train import train
from tts_vae.audio.mel import MelConfig
from tts_vae.training.aligner_training import aligner_durations, train_aligner
from tts_vae.training.corpus_alignment import find_durations
from tts_vae.training.data_module import SpeechData

SYMBOLS, BANDS = 7, 8
SPECTRA = 2 * torch.randn(SYMBOLS, BANDS, generator=torch.Generator().manual_seed(5)) - 5


@dataclass
class Spoken:
    id: str
    tokens: torch.Tensor
    mels: torch.Tensor
    durations: torch.Tensor


def speak(number, seed):
    """Phones as distinct spectra of random lengths, never two of the same in a row."""
    generator = torch.Generator().manual_seed(seed)
    spoken = []
    for index in range(number):
        steps = torch.randint(1, SYMBOLS - 1, (7,), generator=generator)
        tokens = 1 + steps.cumsum(0) % (SYMBOLS - 1)
        durations = torch.randint(2, 11, (7,), generator=generator)
        mels = SPECTRA[tokens].repeat_interleave(durations, 0)
        noise = 0.5 * torch.randn(mels.shape, generator=generator)
        spoken.append(Spoken(f"u{seed}-{index}", tokens, (mels + noise).half(), durations))
    return spoken


def boundary_error(found, items):
    """Mean distance of inner boundaries from the true ones, in frames."""
    aligned = torch.cat([found[item.id].cumsum(0)[:-1] for item in items])
    exact = torch.cat([item.durations.cumsum(0)[:-1] for item in items])
    return float((aligned - exact).abs().float().mean())


def test_forward_sum_finds_the_boundaries(caplog):
    train_items, valid = speak(48, 0), speak(12, 1)
    short = Spoken("short", torch.arange(1, 6), torch.zeros(3, BANDS).half(), torch.ones(5))
    settings = {"minutes": 1, "batch_size": 8}
    errors = {}
    for prior_scale in (0.0, 1.0):
        aligner = train_aligner(
            [*train_items, short], SYMBOLS, **settings, steps=250, prior_scale=prior_scale
        )
        assert not aligner.training
        found = aligner_durations(aligner, [*valid, short])
        assert found.keys() == {item.id for item in valid}
        for item in valid:
            assert found[item.id].sum() == len(item.mels) and found[item.id].min() >= 1
        errors[prior_scale] = boundary_error(found, valid)
    assert "short left out: 5 phones, 3 frames" in caplog.text
    even = {item.id: torch.linspace(0, len(item.mels), 8).round().diff().long() for item in valid}
    assert errors[0.0] < 1.0 < 2.5 < boundary_error(even, valid)
    assert errors[1.0] < boundary_error(even, valid)


def test_the_same_steps_give_the_same_aligner():
    first, second = (
        train_aligner(speak(8, 0), SYMBOLS, minutes=1, batch_size=4, steps=2) for _ in range(2)
    )
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_nothing_to_align_and_losses_that_are_not_finite():
    short = Spoken("short", torch.arange(1, 6), torch.zeros(3, BANDS).half(), torch.ones(5))
    with pytest.raises(ValueError, match="no recording has a frame for each phone"):
        train_aligner([short], SYMBOLS, minutes=1, steps=1)
    items = speak(4, 0)
    items[0].mels[2, 3] = float("nan")
    with pytest.raises(FloatingPointError, match="step 0; lower learning_rate"):
        train_aligner(items, SYMBOLS, minutes=1, batch_size=4, steps=3)


@pytest.mark.parametrize("aligner", ["forward_sum", "ctc"])
def test_the_recipe_leaves_durations_that_training_finds(tmp_path, overrides, aligner, capsys):
    pytest.importorskip("espeakng_loader")
    corpus = write_tiny_corpus(
        tmp_path / "lj", "ljspeech", ("lj",), train=8, valid=2, aligned=False
    )
    common = [f"corpus.dir={corpus}", f"features.f0_tracker={F0_TRACKER}"]
    path = align([*common, f"aligner={aligner}", "minutes=0.01", "batch_size=4"])
    assert path == corpus / "durations" / f"{aligner}.safetensors"
    report = json.loads(capsys.readouterr().out.split("\n{")[-1].join(("{", "")))
    assert report["aligner"] == aligner
    data = SpeechData(corpus, MelConfig(), f0_tracker=F0_TRACKER, durations=aligner)
    assert len(data.train_store) == 8 and len(data.valid_store) == 2
    for record in [*data.train_store, *data.valid_store]:
        assert len(record.durations) == len(record.tokens)
        assert record.durations.sum() == len(record.mels)
    options = [o for o in overrides if "speaker" not in o and not o.startswith("corpus")]
    output = tmp_path / "run"
    experiment = ["experiment=ljspeech/parallel_gmvae", f"corpus.durations={aligner}"]
    train([*options, *common, *experiment, f"output={output}", "steps=1"])
    assert (output / "voice" / "model.safetensors").is_file()


def test_an_aligner_that_does_not_exist(corpus):
    data = SpeechData(corpus, MelConfig(), f0_tracker=F0_TRACKER)
    with pytest.raises(ValueError, match="ctc or forward_sum, got 'guess'"):
        find_durations(data, "guess", minutes=0.01)
