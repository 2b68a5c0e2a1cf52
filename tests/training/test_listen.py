import logging

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def events(tmp_path):
    found = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    found.Reload()
    return found


def test_tensorboard_hears_and_sees(run, tmp_path):
    run("listen.every_epochs=2", "+listen.iterations=2", "trainer.log_every_n_steps=1",
        "experiment=espeak/parallel_gmvae_capacity", "model.latents.prosody.components=3",
        "steps=8")  # fmt: skip
    found = events(tmp_path)
    tags = found.Tags()
    assert tags["audio"] == ["speech"]
    pictures = {"mels", "alignment", "latent_map/prosody", "latent_map/speaker"}
    assert set(tags["images"]) == pictures
    assert [event.step for event in found.Images("mels")] == [8], "the second epoch of two"
    sound = found.Audio("speech")[0]
    assert sound.sample_rate == 22050 and sound.length_frames > 1000
    scalars = {
        f"{stage}/{name}"
        for stage in ("train", "valid")
        for name in ("kl/prosody", "kl/speaker", "log_likelihood/mels", "log_likelihood/duration")
    } | {"train/loss", "train/beta/prosody", "valid/mel_l1", "valid/active_units/prosody"}
    assert scalars <= set(tags["scalars"])
    assert [event.step for event in found.Scalars("train/loss")] == list(range(8))


def test_a_run_says_what_matters_and_nothing_else(run, capsys, caplog):
    with caplog.at_level(logging.INFO):
        run("steps=4")
    assert logging.getLogger("lightning.pytorch").level == logging.INFO, "as it was"
    out, err = capsys.readouterr()
    assert "nats/frame=" in out and "kl_prosody=" in out and "v_num" not in out
    assert "valid/mel_l1=" in out
    for chatter in ("GPU", "TPU", "Tip", "litlogger", "max_steps", "Trainer"):
        assert chatter not in out + err + caplog.text
