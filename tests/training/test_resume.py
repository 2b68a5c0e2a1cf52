"""A run that was stopped and resumed is the run that was not: bit for bit, in float32 on a CPU."""

import signal

import pytest
import torch

from tts_vae.cli import main
from tts_vae.training.checkpoints import AtomicCheckpointIO

CAPACITY = ("experiment=espeak/parallel_gmvae_capacity", "mixture_start.step=5")
CAPACITY += ("model.latents.prosody.components=3",)


def stop_at(*steps):
    left = list(steps)

    def action(number, module, batch):
        if left and number == left[0]:
            left.pop(0)
            signal.raise_signal(signal.SIGINT)

    return action


@pytest.fixture(autouse=True)
def ctrl_c():
    """Ctrl-C as at a terminal: a shell's background job, such as a CI's, starts with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def uninterrupted():
    """Losses and weights of the run that nobody stopped, computed by the first test."""
    return {}


@pytest.mark.parametrize(
    "stops",
    [
        pytest.param((4,), id="between epochs, before the mixture starts"),
        pytest.param((6,), id="within an epoch, after the mixture has started"),
        pytest.param((3, 5), id="twice: in the last batch of an epoch, at the mixture's start"),
        pytest.param((4, 8, 9), id="thrice: twice between epochs"),
        pytest.param((2, 10), id="twice: within the first and the last epoch"),
    ],
)
def test_a_resumed_run_continues_exactly(run, at_step, tmp_path, uninterrupted, stops):
    if not uninterrupted:
        voice = run(*CAPACITY, output="whole")
        uninterrupted["losses"] = dict(at_step.losses)
        uninterrupted["weights"] = (voice / "model.safetensors").read_bytes()
        uninterrupted["checkpoint"] = torch.load(tmp_path / "whole/checkpoints/last.ckpt")
        at_step.losses.clear()
    at_step.actions.append(stop_at(*stops))
    seen = {}
    for number, stop in enumerate(stops):
        with pytest.raises(KeyboardInterrupt):
            run(*CAPACITY, f"resume={number > 0}")
        assert max(at_step.losses) == stop - 1
        seen |= at_step.losses
        at_step.losses.clear()
        torch.rand(3)  # a new process has another random state
    voice = run(*CAPACITY, "resume=true")
    assert min(at_step.losses) == stops[-1], "a checkpoint follows every step"
    assert seen | at_step.losses == uninterrupted["losses"]
    assert (voice / "model.safetensors").read_bytes() == uninterrupted["weights"]
    ours = torch.load(tmp_path / "run/checkpoints/last.ckpt")
    theirs = uninterrupted["checkpoint"]
    assert ours["global_step"] == 11 and ours["epoch"] == theirs["epoch"]
    assert str(ours["optimizer_states"]) == str(theirs["optimizer_states"])
    assert ours["lr_schedulers"] == theirs["lr_schedulers"]
    assert "objective.raw.prosody" in ours["state_dict"]


def test_epochs_are_in_different_order_and_the_seed_decides(run, at_step):
    order = []
    at_step.actions.append(lambda number, module, batch: order.append(tuple(batch.ids)))
    run("steps=8")
    first, second = order[:4], order[4:]
    assert {i for b in first for i in b} == {i for b in second for i in b}
    assert sum(map(len, first)) == 14 and first != second
    again, order[:] = list(order), []
    run("steps=8", output="again")
    assert order == again
    order.clear()
    run("steps=4", "seed=1", output="other")
    assert order != again[:4]


def test_a_finished_run_can_be_exported_again_and_prolonged(run, at_step):
    voice = run("steps=5")
    card, weights = (voice / "README.md").read_text(), (voice / "model.safetensors").read_bytes()
    at_step.losses.clear()
    run("steps=5", "resume=true")
    assert at_step.losses == {}
    assert (voice / "model.safetensors").read_bytes() == weights
    assert "valid/mel_l1" in card and "valid/mel_l1" in (voice / "README.md").read_text()
    run("steps=7", "resume=true")
    assert list(at_step.losses) == [5, 6]


def test_a_run_is_not_overwritten(run, at_step, tmp_path):
    run("steps=2")
    checkpoint = tmp_path / "run/checkpoints/last.ckpt"
    before = checkpoint.read_bytes()
    at_step.losses.clear()
    for left in (checkpoint, None):
        with pytest.raises(ValueError, match="already holds a run; continue it with resume=true"):
            run("steps=2")
        if left is not None:
            assert checkpoint.read_bytes() == before
            left.unlink()  # the voice alone is a run, too
    assert at_step.losses == {}


def test_interrupted_from_the_command_line(overrides, at_step, tmp_path, capsys, caplog):
    handler = signal.getsignal(signal.SIGINT)
    at_step.actions.append(stop_at(1, 2))
    command = ["train", *overrides, f"output={tmp_path / 'run'}", "steps=3"]
    assert main([*command, "checkpoint.every_s=60"]) == 130
    assert "stopped at step 1; no checkpoint had been written yet" in caplog.text
    assert main(command) == 130
    assert "stopped at step 2" in caplog.text and "with resume=true goes on from it" in caplog.text
    assert "Traceback" not in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is handler, "Ctrl-C must work afterwards"
    assert not (tmp_path / "run" / "voice").exists()
    at_step.losses.clear()
    assert main([*command, "resume=true"]) == 0
    assert list(at_step.losses) == [2]


def test_a_checkpoint_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    files, path = AtomicCheckpointIO(), tmp_path / "deep" / "last.ckpt"
    files.save_checkpoint({"state_dict": {"w": torch.ones(3)}}, path)
    before = path.read_bytes()

    def full(checkpoint, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        files.save_checkpoint({"state_dict": {}}, path)
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]
    assert torch.equal(files.load_checkpoint(path)["state_dict"]["w"], torch.ones(3))


@pytest.mark.parametrize("damage", ["truncated", "noise", "empty", "other"])
def test_a_damaged_checkpoint_is_one_line(overrides, run, tmp_path, capsys, damage):
    checkpoint = tmp_path / "run" / "checkpoints" / "last.ckpt"
    checkpoint.parent.mkdir(parents=True)
    contents = {"noise": b"noise " * 99, "empty": b""}
    torch.save({"weights": torch.zeros(1000)}, checkpoint)
    if damage == "truncated":
        checkpoint.write_bytes(checkpoint.read_bytes()[:-500])
    elif damage != "other":
        checkpoint.write_bytes(contents[damage])
    kept = checkpoint.read_bytes()
    command = ["train", *overrides, f"output={tmp_path / 'run'}", "resume=true"]
    capsys.readouterr()
    assert main(command) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "tts-vae" in line]
    assert len(lines) == 1 and "last.ckpt is truncated, corrupt or no checkpoint" in lines[0]
    assert "delete it and start again" in lines[0]
    assert checkpoint.read_bytes() == kept


def test_a_checkpoint_of_another_configuration_is_named(run, at_step):
    run("steps=1")
    with pytest.raises(
        ValueError, match=r"another configuration: .* is \(8.*there and .*overrides"
    ):
        run("steps=2", "resume=true", "model.decoder.text_encoder.width=12")
    with pytest.raises(ValueError, match="objective.raw.prosody is absent there"):
        run("steps=2", "resume=true", "objective=capacity")


def test_epochs_without_validation_resume_exactly(run, at_step, tmp_path):
    """11 steps, 4 an epoch, validation after every other one: stopped after the first."""
    every = "trainer.check_val_every_n_epoch=2"
    voice = run(*CAPACITY, every, output="whole")
    whole = dict(at_step.losses)
    at_step.losses.clear()
    at_step.actions.append(stop_at(4))
    with pytest.raises(KeyboardInterrupt):
        run(*CAPACITY, every)
    first = dict(at_step.losses)
    at_step.losses.clear()
    again = run(*CAPACITY, every, "resume=true")
    assert first | at_step.losses == whole
    assert (again / "model.safetensors").read_bytes() == (voice / "model.safetensors").read_bytes()
