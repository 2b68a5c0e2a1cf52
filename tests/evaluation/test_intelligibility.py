import json

import numpy as np
import pytest
import torch

from tts_vae.audio.mel import MelConfig
from tts_vae.evaluation.listeners.intelligibility import Judge, judge_voice, spoken_phones
from tts_vae.evaluation.listeners.judge_training import rounded_to_half, save_judge, train_judge
from tts_vae.models.speech.recogniser import CtcOutput, CtcRecogniser
from tts_vae.text.symbols import SymbolTable
from tts_vae.training.recogniser_training import RecogniserSettings

LABELS = ("<blank>", "_", "a", "b")
TABLE = SymbolTable(("<pad>", "^", ".", "ˈa", "b"))


class Reader(CtcRecogniser):
    """Hears the label that the first mel band of every second frame names."""

    def __init__(self) -> None:
        super().__init__(4, n_mels=80, conv_width=4, lstm_width=2)

    def forward(self, mels, mel_mask):
        path = mels[:, ::2, 0].long().clamp(0, 3)
        one_hot = torch.nn.functional.one_hot(path, 4).float()
        lengths = (mel_mask.sum(1) + 1) // 2
        return CtcOutput((9 * one_hot).log_softmax(-1), lengths)


def shown(*labels):
    mels = torch.zeros(2 * len(labels), 80)
    mels[:, 0] = torch.tensor(labels).float().repeat_interleave(2)
    return mels


@pytest.fixture
def judge():
    return Judge(Reader(), LABELS, MelConfig())


def test_what_counts_as_spoken():
    assert spoken_phones(["^", "ˈa", ",", "b", "."]) == ["a", "b"]


def test_transcripts_and_error_rate_by_hand(judge):
    mels = [shown(1, 2, 2, 0, 3, 1), shown(1, 3, 0, 3, 1, 1, 1, 1)]
    assert judge.transcribe(mels) == [["a", "b"], ["b", "b"]]
    assert judge.transcribe(mels, batch_size=1) == judge.transcribe(mels)
    # second: a heard as b, an "a" deleted; 2 errors of 5 phones
    rate = judge.per([["^", "ˈa", "b", "."], ["^", "ˈa", "b", "ˈa", "."]], mels)
    assert rate.rate == pytest.approx(2 / 5)
    assert (rate.total.substitutions, rate.total.deletions) == (1, 1)


def test_alignment_by_the_judge(judge):
    aligned = judge.align([["^", "ˈa", "b", "."]], [shown(1, 2, 2, 3, 1)])
    assert aligned.durations[0].tolist() == [2, 4, 2, 2]
    with pytest.raises(ValueError, match=r"got \['z'\]"):
        judge.align([["^", "z"]], [shown(1, 2)])


def test_a_real_recogniser_does_not_hear_its_batch():
    judge = Judge(CtcRecogniser(4), LABELS, MelConfig())
    mels = [torch.randn(frames, 80) for frames in (90, 30, 61)]
    assert judge.transcribe(mels, batch_size=3) == judge.transcribe(mels, batch_size=1)


def test_waveforms_are_resampled_to_the_judges_convention(judge):
    waveform = np.sin(np.arange(8000) / 5) * 0.1
    assert judge.mels(waveform, 8000).shape == (22050 // 256, 80)
    assert judge.mels(waveform, 22050).shape == (8000 // 256, 80)


def test_natural_copy_and_synthesis_come_together():
    judge = Judge(CtcRecogniser(4), LABELS, MelConfig())
    waveforms = [0.1 * np.random.default_rng(i).normal(size=6000) for i in range(2)]
    shapes = []

    def vocode(mels):
        shapes.append(tuple(mels.shape))
        return torch.zeros(1, mels.shape[1] * 256)

    tokens = [["^", "ˈa", "b", "."]] * 2
    result = judge_voice(judge, tokens, waveforms, waveforms, 22050, vocode)
    assert shapes == [(1, 23, 80)] * 2
    assert result.natural == result.synthesis
    summary = json.loads(json.dumps(result.summary()))
    assert set(summary) == {"natural", "copy_synthesis", "synthesis"}
    assert summary["natural"]["reference_length"] == 4


def test_saved_judge_judges_alike_and_is_small(tmp_path):
    labels = ("<blank>", "_", *(f"p{i}" for i in range(58)))
    recogniser = rounded_to_half(CtcRecogniser(len(labels)))
    judge = Judge(recogniser, labels, MelConfig(fmax=7600.0), {"corpus": "none"})
    path = tmp_path / "own.safetensors"
    save_judge(judge, path)
    assert path.stat().st_size + path.with_suffix(".json").stat().st_size < 4_000_000
    again = Judge.load(path)
    assert (again.labels, again.mel, again.notes) == (labels, judge.mel, {"corpus": "none"})
    mels = [torch.randn(120, 80)]
    assert again.transcribe(mels) == judge.transcribe(mels)
    with pytest.raises(ValueError, match=r"ending in \.safetensors"):
        save_judge(judge, tmp_path / "own.bin")


def test_unknown_judges_are_named():
    with pytest.raises(ValueError, match="expected a judge, got 'klingon'; give one of"):
        Judge.load("klingon")


def test_training_records_the_natural_error(tmp_path):
    class Item:
        def __init__(self, name):
            self.id, self.tokens = name, torch.tensor([1, 3, 4, 2])
            self.mels = torch.randn(40, 80)

    train, test = [Item(f"t{i}") for i in range(8)], [Item(f"h{i}") for i in range(3)]
    settings = RecogniserSettings(steps=1, batch_size=8, bf16=False, device="cpu")
    judge = train_judge(train, test, TABLE, MelConfig(), settings, notes={"corpus": "noise"})
    assert judge.notes["held_out_utterances"] == 3 and judge.notes["corpus"] == "noise"
    assert 0 <= judge.notes["natural_per"]
    save_judge(judge, tmp_path / "j.safetensors")
    assert Judge.load(tmp_path / "j.safetensors").labels == LABELS
    with pytest.raises(ValueError, match=r"got 8 in both \(t0"):
        train_judge(train, train, TABLE, MelConfig(), settings)
