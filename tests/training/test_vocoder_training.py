"""A vocoder's run: the same after an interruption, stopped by NaN, one line for every mistake."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tiny_corpus

from tiny_corpus import F0_TRACKER, TINY, TINY_SPEAKER, write_tiny_corpus  # noqa: E402

from recipes.configuration import CONFIGS, configure  # noqa: E402
from recipes.train import train as train_voice  # noqa: E402
from recipes.train_vocoder import train  # noqa: E402
from tts_vae.audio.mel import MelConfig, MelSpectrogram  # noqa: E402
from tts_vae.cli import run  # noqa: E402
from tts_vae.models.vocoder.discriminators import Critics  # noqa: E402
from tts_vae.synthesis.bundle import instantiate  # noqa: E402
from tts_vae.synthesis.vocoder_bundle import NeuralVocoder, build_vocoder, load_vocoder  # noqa: E402
from tts_vae.training.loop import check_keys  # noqa: E402
from tts_vae.training.vocoder_data import Piece, PieceSampler, Recordings, VocoderData  # noqa: E402
from tts_vae.training.vocoder_mels import predict_mels  # noqa: E402
from tts_vae.training.vocoder_module import VocoderModule  # noqa: E402
from tts_vae.training.vocoder_pitch import track_pitch  # noqa: E402
from tts_vae.training.vocoder_run import SECTIONS  # noqa: E402

EXPERIMENTS = sorted(path.stem for path in (CONFIGS / "experiment" / "vocoder").glob("*.yaml"))
SMALL = (
    "vocoder.width=8",
    "vocoder.layers=1",
    "critics.periods=[2]",
    "critics.period_channels=[2,2]",
    "critics.resolutions=[[128,32]]",
    "critics.resolution_channels=2",
    "batch_size=4",
    "piece_frames=12",
    "optimizer.warmup_steps=1",
    "optimizer.total_steps=4",
    "checkpoint.every_s=0",
    "trainer.precision=32-true",
    "valid_clips=2",
    "evaluation.clips=0",
    f"features.f0_tracker={F0_TRACKER}",
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_tiny_corpus(tmp_path_factory.mktemp("corpora") / "tiny")


@pytest.fixture
def go(corpus, tmp_path):
    def call(*more, output="run"):
        return train([f"corpus.dir={corpus}", f"output={tmp_path / output}", *SMALL, *more])

    return call


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    "option",
    [
        "adversarial.start_step=null",
        "adversarial.start_step=0",
        "adversarial.start_step=3",
        "vocoder.source=true",
    ],
)
def test_two_steps_and_two_more_are_four(go, option):
    whole = go("steps=4", option, output="whole")
    go("steps=2", option)
    torch.rand(3)  # a new process has another random state
    again = go("steps=4", option, "resume=true")
    assert weights(again) == weights(whole)
    assert weights(go("steps=4", option, "seed=1", output="other")) != weights(whole)


def test_a_resumed_run_of_several_epochs_draws_the_same_pieces(go, monkeypatch):
    drawn = {}

    def watched(self, batch, batch_idx, step=VocoderModule.training_step):
        drawn[self.global_step] = batch.audio.sum().item()
        return step(self, batch, batch_idx)

    monkeypatch.setattr(VocoderModule, "training_step", watched)
    go("steps=30", output="whole")
    whole = dict(drawn)
    assert len(set(whole.values())) == 30, "no batch twice"
    drawn.clear()
    go("steps=13")
    go("steps=30", "resume=true")
    assert drawn == whole


def test_critics_begin_at_their_step_and_then_learn(go, tmp_path):
    go("steps=2", "adversarial.start_step=2", output="before")
    go("steps=4", "adversarial.start_step=2", output="after")
    paths = [tmp_path / name / "checkpoints" / "last.ckpt" for name in ("before", "after")]
    before, after = (torch.load(path)["state_dict"] for path in paths)
    critics = [name for name in before if name.startswith("critics.")]
    assert critics
    assert all(not torch.equal(before[name], after[name]) for name in critics)


def test_the_vocoders_loss_does_not_teach_the_critics():
    critics = Critics((2,), (2, 2), ((128, 32),), 2)
    model = build_vocoder(configured("espeak_small")["vocoder"], MelConfig())
    module = VocoderModule(model, MelConfig(), critics)
    real = 0.1 * torch.randn(2, 2048)
    terms = module._adversarial(model(torch.randn(2, 8, 80) - 5), real)
    (terms["adversarial"] + terms["features"]).backward(retain_graph=True)
    assert all(parameter.grad is None for parameter in critics.parameters())
    assert all(parameter.requires_grad for parameter in critics.parameters())
    assert model.head.weight.grad is not None and model.head.weight.grad.any()
    model.zero_grad()
    terms["critics"].backward()
    assert all(parameter.grad is not None for parameter in critics.parameters())
    assert model.head.weight.grad is None


def test_a_loss_that_is_not_finite_stops_the_run(go, monkeypatch, tmp_path):
    step = VocoderModule.training_step

    def broken(self, batch, batch_idx):
        if self.global_step == 2:
            batch.audio[0, 0] = float("nan")
        return step(self, batch, batch_idx)

    monkeypatch.setattr(VocoderModule, "training_step", broken)
    with pytest.raises(FloatingPointError, match="not finite at step 2 .*resume=true"):
        go("steps=4")
    kept = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt")
    assert kept["global_step"] == 2
    assert all(value.isfinite().all() for value in kept["state_dict"].values())


def test_a_run_is_not_overwritten_and_another_one_may_start_from_it(go):
    folder = go("steps=2")
    with pytest.raises(ValueError, match="already holds a run"):
        go("steps=2")
    assert weights(go("steps=1", f"init_from={folder}", output="more")) != weights(folder)
    with pytest.raises(ValueError, match="vocoder of other sizes"):
        go("steps=1", f"init_from={folder}", "vocoder.width=12", output="wider")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("+losses.gan=1", "losses has no key 'gan'"),
        ("+optimizer.momentum=1", "optimizer has no key 'momentum'"),
        ("+adversarial.end_step=1", "adversarial has no key 'end_step'"),
        ("+evaluation.listeners=1", "evaluation has no key 'listeners'"),
        ("+colour=red", "unknown keys ['colour']"),
        ("vocoder.kernel_size=4", "odd kernel_size"),
        ("vocoder.n_fft=512", "vocoder.n_fft is 512 and mel.n_fft 1024"),
        ("vocoder._target_=torch.nn.Linear", "is refused"),
        ("batch_size=0", "batch_size >= 1"),
        ("mels_from=nowhere", "nowhere is not a folder"),
        ("experiment=vocoder/nothing", "vocoder/nothing"),
    ],
)
def test_a_wrong_configuration_is_one_line(corpus, tmp_path, capsys, override, words):
    given = [f"corpus.dir={corpus}", f"output={tmp_path / 'run'}", *SMALL, "steps=1", override]
    assert run(lambda: train(given)) == 2
    error = capsys.readouterr().err
    assert error.startswith("tts-vae: error: ") and error.count("\n") == 1 and words in error
    assert not (tmp_path / "run" / "vocoder").exists()


def test_the_program_ends_with_code_2(tmp_path):
    command = [sys.executable, "-m", "recipes.train_vocoder", "experiment=vocoder/nothing"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1


def configured(experiment):
    config = configure([f"experiment=vocoder/{experiment}"], "vocoder")
    return OmegaConf.to_container(config, resolve=True)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes_and_builds(experiment):
    config = configured(experiment)
    assert config["name"] == f"vocoder_{experiment}" and config["name"] in config["output"]
    for section, target in SECTIONS.items():
        check_keys(section, config[section], target)
    model = build_vocoder(config["vocoder"], MelConfig(**config["features"]["mel"]))
    assert isinstance(instantiate(config["critics"]), Critics)
    millions = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    assert (13 < millions < 14) if experiment == "vocos" else (0.3 < millions < 0.6)


def cut(recordings, piece):
    batch = recordings[piece]
    return batch.mels[0], batch.audio[0]


def test_a_piece_has_the_mels_of_the_whole_recording(corpus):
    recordings = Recordings(corpus, "train", MelConfig())
    mels, audio = cut(recordings, recordings.whole(0))
    assert len(audio) == 256 * len(mels)
    torch.testing.assert_close(mels, MelSpectrogram()(audio))
    for start, frames in ((0, 9), (1, 9), (7, 12), (len(mels) - 10, 10)):
        piece, samples = cut(recordings, Piece(0, start, frames))
        torch.testing.assert_close(piece, mels[start : start + frames], rtol=0, atol=1e-5)
        assert torch.equal(samples, audio[start * 256 :][: frames * 256])
    louder, _ = cut(recordings, Piece(0, 7, 12, gain_db=20.0))
    torch.testing.assert_close(
        louder - mels[7:19], torch.full((12, 80), 2.302585), atol=1e-3, rtol=0
    )


def test_pitch_is_tracked_once_and_cut_with_the_mels(corpus):
    pitch = track_pitch(corpus, "train", MelConfig(), F0_TRACKER, workers=0)
    recordings = Recordings(corpus, "train", MelConfig(), f0_hz=pitch)
    whole = recordings[recordings.whole(0)].f0_hz[0]
    voiced = whole[whole > 0]
    assert len(whole) == recordings.frames[0] and abs(voiced.median() - 110) < 5
    assert torch.equal(recordings[Piece(0, 4, 9)].f0_hz[0], whole[4:13])
    beyond = recordings[Piece(0, 0, len(whole) + 5)].f0_hz[0]
    assert torch.equal(beyond[:-5], whole) and not beyond[-5:].any()
    stamps = {path: path.stat().st_mtime_ns for path in (corpus / "pitch").iterdir()}
    again = track_pitch(corpus, "train", MelConfig(), F0_TRACKER, workers=0)
    assert all(torch.equal(again[name], found) for name, found in pitch.items())
    assert {path: path.stat().st_mtime_ns for path in (corpus / "pitch").iterdir()} == stamps
    assert track_pitch(corpus, "test", MelConfig(), F0_TRACKER) == {}


def test_beyond_the_end_is_silence(corpus):
    recordings = Recordings(corpus, "train", MelConfig())
    frames = recordings.frames[0]
    mels, audio = cut(recordings, Piece(0, 0, frames + 20))
    assert mels.shape == (frames + 20, 80) and audio.shape == ((frames + 20) * 256,)
    assert not audio[frames * 256 :].any() and (mels[-5:] < -9).all()


def test_every_second_of_a_corpus_is_drawn_equally_often():
    sampler = PieceSampler([40, 400, 10], piece_frames=20, batch_size=8, gain_db=3.0)
    pieces = [piece for _ in range(200) for batch in sampler for piece in batch]
    share = sum(piece.index == 1 for piece in pieces) / len(pieces)
    assert len(pieces) == 200 * 2 * 8 and abs(share - 400 / 450) < 0.03
    assert all(0 <= p.start <= max(0, [40, 400, 10][p.index] - 20) for p in pieces)
    assert {p.start for p in pieces if p.index == 1} >= {0, 380}
    assert max(p.gain_db for p in pieces) > 2.5 and min(p.gain_db for p in pieces) < -2.5


def test_processes_share_an_epoch():
    options = {"piece_frames": 10, "batch_size": 2, "seed": 3}
    alone = list(PieceSampler([500], **options))
    shared = [list(PieceSampler([500], **options, rank=r, world_size=2)) for r in (0, 1)]
    assert [batch for pair in zip(*shared, strict=True) for batch in pair] == alone[:24]


def test_training_on_the_mels_of_a_voice(corpus, go, tmp_path):
    voice = train_voice(
        [
            *TINY,
            *TINY_SPEAKER,
            f"corpus.dir={corpus}",
            f"output={tmp_path / 'voice'}",
            "batch_size=4",
            "steps=2",
        ]
    )
    predicted = predict_mels(voice, corpus, MelConfig(), F0_TRACKER)
    recordings = Recordings(corpus, "train", MelConfig(), predicted["train"])
    own = Recordings(corpus, "train", MelConfig())
    assert recordings.ids == own.ids
    mels, audio = cut(recordings, recordings.whole(3))
    own_mels, own_audio = cut(own, own.whole(3))
    assert torch.equal(mels, predicted["train"][recordings.ids[3]].float())
    assert torch.equal(audio, own_audio) and not torch.equal(mels, own_mels)
    piece, _ = cut(recordings, Piece(3, 5, 9, gain_db=20.0))
    torch.testing.assert_close(piece, mels[5:14] + 2.302585)
    cached = sorted((corpus / "predicted").iterdir())
    stamps = [path.stat().st_mtime_ns for path in cached]
    folder = go("steps=1", f"mels_from={voice}")
    assert [path.stat().st_mtime_ns for path in cached] == stamps, "computed once"
    assert weights(folder) != weights(go("steps=1", output="own"))
    with pytest.raises(ValueError, match="fmax is 7000.0 there and 8000.0 here"):
        predict_mels(voice, corpus, MelConfig(fmax=7000.0), F0_TRACKER)
    other = write_tiny_corpus(tmp_path / "other", speakers=("eve",))
    with pytest.raises(ValueError, match="trained on another corpus"):
        predict_mels(voice, other, MelConfig(), F0_TRACKER)


def test_recordings_of_another_rate_are_refused(corpus):
    with pytest.raises(ValueError, match="22050 Hz, expected 16000 Hz"):
        Recordings(corpus, "train", MelConfig(sample_rate=16000, fmax=8000.0))


def test_no_recordings_to_learn_from(corpus):
    nothing = Recordings(corpus, "test", MelConfig())
    with pytest.raises(ValueError, match="expected training recordings"):
        VocoderData(nothing, nothing)


def test_training_is_followed_by_a_report(go, tmp_path):
    folder = go(
        "steps=1", "evaluation.clips=2", "evaluation.split=valid", "evaluation.iterations=2"
    )
    report = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert report["clips"] == 2 and report["split"] == "valid" and report["time_ratio"] > 0
    for name in ("vocoder", "griffin_lim"):
        assert report[name]["mel_l1"] > 0 and report[name]["rtf"] > 0
    assert (tmp_path / "run" / "spectrograms.png").read_bytes().startswith(b"\x89PNG")
    assert "valid/mel_l1" in (folder / "README.md").read_text()
    assert "valid/mel_l1" in load_vocoder(folder).metadata["metrics"]
    assert NeuralVocoder(folder)(torch.zeros(1, 3, 80) - 5).shape == (1, 768)
