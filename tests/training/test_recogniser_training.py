import logging
from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import load_file

from tts_vae.models.speech.recogniser import CtcRecogniser
from tts_vae.text.symbols import SymbolTable
from tts_vae.training.recogniser_alignment import align_recordings, save_durations
from tts_vae.training.recogniser_batches import label_lookup
from tts_vae.training.recogniser_training import RecogniserSettings, train_recogniser

TABLE = SymbolTable(("<pad>", "^", ".", "ˈa", "a", "b", "k"))
PATTERNS = torch.randn(5, 8, generator=torch.Generator().manual_seed(5)) * 3


@dataclass
class Spoken:
    """Phones as distinct spectra of random lengths: a language that can be learnt in seconds."""

    id: str
    tokens: torch.Tensor
    mels: torch.Tensor
    durations: torch.Tensor


def speak(number: int, seed: int) -> list[Spoken]:
    generator = torch.Generator().manual_seed(seed)
    _, lookup = label_lookup(TABLE)
    spoken = []
    for index in range(number):
        # stressed or plain a, b, k, ...: never two of the same, whose boundary none could hear
        start = int(torch.randint(3, (), generator=generator))
        steps = torch.randint(1, 3, (6,), generator=generator)
        phones = torch.tensor([4, 5, 6])[(start + steps.cumsum(0)) % 3]
        phones[phones == 4] -= torch.randint(2, (), generator=generator)
        tokens = torch.cat([torch.tensor([1]), phones, torch.tensor([2])])
        durations = torch.randint(6, 12, (8,), generator=generator)
        mels = PATTERNS[lookup[tokens]].repeat_interleave(durations, 0)
        noise = 0.3 * torch.randn(mels.shape, generator=generator)
        spoken.append(Spoken(f"u{seed}-{index}", tokens, (mels + noise).half(), durations))
    return spoken


def quick(**changes) -> RecogniserSettings:
    return RecogniserSettings(
        **{"steps": 60, "batch_size": 8, "bf16": False, "device": "cpu"} | changes
    )


def test_labels_merge_stress_and_pauses():
    labels, lookup = label_lookup(TABLE)
    assert labels == ("<blank>", "_", "a", "b", "k")
    assert lookup.tolist() == [0, 1, 1, 2, 2, 3, 4]


def test_it_learns_to_hear_and_to_align(tmp_path):
    train, valid = speak(64, 0), speak(16, 1)
    trained = train_recogniser(train, valid, TABLE, quick(steps=100, dropout=0.0))
    assert trained.steps == len(trained.losses) == 100
    assert trained.losses[-1] < 0.1 < trained.losses[0]
    assert trained.valid_error_rate < 0.05
    assert not trained.recogniser.training

    durations, failures = align_recordings(trained.recogniser, valid, TABLE)
    assert failures == {}
    aligned = torch.cat([durations[item.id].cumsum(0) for item in valid])
    exact = torch.cat([item.durations.cumsum(0) for item in valid])
    assert float((aligned - exact).abs().float().mean()) < 0.3

    path = tmp_path / "durations" / "ctc.safetensors"
    save_durations(durations, path)
    stored = load_file(path)
    assert stored.keys() == durations.keys()
    assert torch.equal(stored["u1-0"], durations["u1-0"])
    assert [file.name for file in path.parent.iterdir()] == ["ctc.safetensors"]


class Stopped(RuntimeError):
    pass


def test_resumed_run_equals_uninterrupted_one(tmp_path, monkeypatch):
    train = speak(20, 0)
    settings = quick(steps=7, checkpoint_s=0.0)
    whole = train_recogniser(train, [], TABLE, settings)

    forward = CtcRecogniser.forward
    calls = []

    def interrupted(self, mels, mel_mask):
        calls.append(1)
        if len(calls) == 5:
            raise Stopped
        return forward(self, mels, mel_mask)

    checkpoint = tmp_path / "judge.ckpt"
    monkeypatch.setattr(CtcRecogniser, "forward", interrupted)
    with pytest.raises(Stopped):
        train_recogniser(train, [], TABLE, settings, checkpoint)
    monkeypatch.setattr(CtcRecogniser, "forward", forward)
    torch.rand(3)  # a resumed process has another random state
    rest = train_recogniser(train, [], TABLE, settings, checkpoint, resume=True)
    assert rest.losses == whole.losses[4:]
    for ours, theirs in zip(
        rest.recogniser.parameters(), whole.recogniser.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)


def test_training_leaves_the_random_state_alone():
    before = torch.get_rng_state()
    train_recogniser(speak(8, 0), [], TABLE, quick(steps=1))
    assert torch.equal(torch.get_rng_state(), before)


def test_initial_weights_are_used_and_must_fit():
    first = train_recogniser(speak(16, 0), [], TABLE, quick(steps=40))
    again = train_recogniser(speak(16, 0), [], TABLE, quick(steps=1), initial=first.recogniser)
    assert again.losses[0] < 0.5 * first.losses[0]
    with pytest.raises(ValueError, match="5 labels and 8 mel bands, got 9 and 8"):
        train_recogniser(speak(8, 0), [], TABLE, quick(steps=1), initial=CtcRecogniser(9, n_mels=8))


def test_too_short_recordings_are_named_and_left_out(caplog):
    good, short = speak(8, 0), speak(1, 2)
    short[0].mels = short[0].mels[:6]
    with caplog.at_level(logging.WARNING):
        train_recogniser(good + short, [], TABLE, quick(steps=1))
    assert "u2-0 left out: 6 frames are too few for 8 phones" in caplog.text
    with pytest.raises(ValueError, match="none of 1 has"):
        train_recogniser(short, [], TABLE, quick(steps=1))


def test_a_loss_that_is_not_finite_stops_the_run():
    train = speak(8, 0)
    train[0].mels[3, 2] = float("nan")
    with pytest.raises(FloatingPointError, match="lower learning_rate"):
        train_recogniser(train, [], TABLE, quick(steps=2))
