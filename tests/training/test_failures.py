"""What goes wrong in a run stops it loudly, says what to try, and costs no checkpoint."""

import re

import pytest
import torch

from tts_vae.cli import main
from tts_vae.models.speech.reference_encoder import ConvGruReferenceEncoder
from tts_vae.training.callbacks import CollapseError, CollapseWatch


def saved(tmp_path):
    checkpoint = torch.load(tmp_path / "run/checkpoints/last.ckpt")
    assert all(t.isfinite().all() for t in checkpoint["state_dict"].values())
    return checkpoint["global_step"]


def test_a_loss_that_is_not_finite(run, at_step, tmp_path):
    def poison(number, module, batch):
        if number == 3:
            batch.mels[0, 1, 2] = float("nan")

    at_step.actions.append(poison)
    message = r"not finite at step 3 \(terms: mels.*checkpoint is kept.*lower optimizer.learning"
    with pytest.raises(FloatingPointError, match=message):
        run()
    assert saved(tmp_path) == 3 and not (tmp_path / "run/voice").exists()
    at_step.actions.clear()
    run("resume=true", "steps=4")
    assert saved(tmp_path) == 4


def test_weights_that_are_not_finite_never_replace_a_checkpoint(run, at_step, tmp_path):
    def poison(number, module, batch):
        if number == 2:  # the loss of this step is fine, its gradient is not
            module.model.decoder.output.bias.register_hook(lambda g: g * float("nan"))

    at_step.actions.append(poison)
    message = r"parameters are not finite at step 3 \(first: model.decoder.output.bias.*is kept"
    with pytest.raises(FloatingPointError, match=message):
        run()
    assert 2 in at_step.losses and saved(tmp_path) == 2


def test_a_site_without_information(run, overrides, tmp_path, capsys, monkeypatch):
    encode = ConvGruReferenceEncoder.forward
    monkeypatch.setattr(
        ConvGruReferenceEncoder, "forward", lambda self, mels, mask: 0 * encode(self, mels, mask)
    )
    settings = ("collapse.after_step=5", "latent=gaussian")
    message = "'prosody' has collapsed at step 8: KL .* 0 active units; try objective=capacity.*"
    with pytest.raises(CollapseError, match=message + "warm-up, or free_bits"):
        run(*settings)
    capsys.readouterr()
    assert main(["train", *overrides, f"output={tmp_path / 'cli'}", *settings]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "tts-vae" in line]
    assert len(lines) == 1 and "site 'prosody' has collapsed" in lines[0]


def test_the_kl_that_is_judged_is_that_of_the_validation_split(run, monkeypatch):
    check, expected = CollapseWatch.on_validation_epoch_end, []

    def watched(self, trainer, module):
        with torch.no_grad():
            kls = [
                module.model(b, mode="mean").sites["prosody"].kl for b in trainer.val_dataloaders
            ]
        expected.append(torch.cat(kls).mean().item())
        check(self, trainer, module)

    monkeypatch.setattr(CollapseWatch, "on_validation_epoch_end", watched)
    with pytest.raises(CollapseError) as caught:
        run("collapse.after_step=1", "collapse.min_kl_nats=1e9")
    kl = float(re.search(r"KL ([\d.]+) nats", str(caught.value)).group(1))
    assert kl == pytest.approx(expected[0], abs=0.006) and "step 4" in str(caught.value)


def test_style_tokens_have_no_kl_to_collapse(run):
    settings = ("latent=style_tokens", "model.latents.prosody.heads=2", "collapse.after_step=1")
    settings += ("collapse.min_kl_nats=1e9", "steps=4")
    run(*settings, "collapse.min_active_units=0")
    with pytest.raises(CollapseError, match="0 active units; try a later collapse.after_step"):
        run(*settings, output="blind")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu_is_one_line(run):
    with pytest.raises(ValueError, match=r"trainer: .*gpu.*; choose trainer=cpu, gpu or ddp"):
        run("trainer=gpu")


def test_no_validation_split_is_no_obstacle(run, tmp_path):
    from tiny_corpus import write_tiny_corpus

    corpus = write_tiny_corpus(tmp_path / "few", train=6, valid=0)
    assert run(f"corpus.dir={corpus}", "steps=3").is_dir()


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("stpes=3", "stpes"),
        ("optimizer.lerning_rate=1", "lerning_rate"),
        ("+optimizer.lerning_rate=1", "optimizer has no key 'lerning_rate'; LatentModule takes"),
        ("+trainer.speed=1", "trainer has no key 'speed'"),
        ("+mixture_start.seed=1", "mixture_start has no key 'seed'"),
        ("+nonsense=1", "unknown keys ['nonsense']"),
        ("+model.decoder.depth=3", "depth"),
        ("+objective.gamma=3", "gamma"),
        ("latent=nothing", "latent/nothing"),
        ("experiment=espeak/nothing", "espeak/nothing"),
        ("trainer.accelerator=abacus", "accelerator='abacus'"),
        ("init_from=nowhere", "nowhere is no voice"),
        ("corpus.durations=none", "recipes/align.py"),
        ("corpus.front_end=latin", "latin"),
    ],
)
def test_a_wrong_configuration_is_one_line(overrides, tmp_path, capsys, override, words):
    output = tmp_path / "run"
    capsys.readouterr()
    assert main(["train", *overrides, f"output={output}", override]) == 2
    error = capsys.readouterr().err
    assert error.startswith("tts-vae: error: ") and error.count("\n") == 1 and words in error
    assert not list(output.rglob("*.ckpt")) and not (output / "voice").exists()
