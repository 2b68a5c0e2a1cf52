import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_vae.models.speech.alignment import forced_alignment
from tts_vae.models.speech.recogniser import CtcOutput, CtcRecogniser, steps_needed


class Scripted(CtcRecogniser):
    """A recogniser that shows given labels, one per step of two frames."""

    def __init__(self, path: list[int]) -> None:
        super().__init__(6, n_mels=2, conv_width=2, lstm_width=2)
        self.path = path

    def forward(self, mels, mel_mask):
        one_hot = torch.nn.functional.one_hot(torch.tensor([self.path]), 6).float()
        return CtcOutput((8 * one_hot).log_softmax(-1), torch.tensor([len(self.path)]))


def ones(frames):
    return torch.ones(1, frames, dtype=torch.bool)


def test_midway_between_centres_by_hand():
    # label 1 shows in step 1 (frames 2-3, centre 3), label 2 in steps 5-6 (10-13, centre 12),
    # label 3 in step 8 (16-17, centre 17): boundaries 7.5 -> 8 and 14.5 -> 14, of 20 frames
    recogniser = Scripted([0, 1, 0, 0, 0, 2, 2, 0, 3, 0])
    aligned = forced_alignment(
        recogniser, torch.zeros(1, 20, 2), ones(20), [[1, 2, 3]], boundary="midway"
    )
    assert aligned.durations[0].tolist() == [8, 6, 6]
    assert aligned.failures == {}
    assert aligned.log_likelihood[0] == pytest.approx(-0.0017, abs=1e-3)


def test_change_of_the_mels_moves_the_boundary():
    # the same centres (3, 12, 17); the mels change after frame 4 and after frame 15
    recogniser = Scripted([0, 1, 0, 0, 0, 2, 2, 0, 3, 0])
    mels = torch.zeros(1, 20, 2)
    mels[:, 5:16] = torch.tensor([3.0, -1.0])
    aligned = forced_alignment(recogniser, mels, ones(20), [[1, 2, 3]], boundary="change")
    assert aligned.durations[0].tolist() == [5, 11, 4]


def test_equal_neighbours_are_kept_apart():
    recogniser = Scripted([1, 0, 1, 0])
    aligned = forced_alignment(
        recogniser, torch.zeros(1, 8, 2), ones(8), [[1, 1]], boundary="midway"
    )
    assert aligned.durations[0].tolist() == [3, 5]


def test_fast_speech_is_aligned_on_frames_and_too_fast_speech_reported():
    recogniser = CtcRecogniser(6, n_mels=4, conv_width=8, lstm_width=4).eval()
    mels, mask = torch.randn(3, 10, 4), torch.ones(3, 10, dtype=torch.bool)
    labels = [[1, 2, 3, 4, 5, 1, 2, 3, 4], [1] * 8, []]
    aligned = forced_alignment(recogniser, mels, mask, labels, ids=["fast", "too fast", "empty"])
    assert int(aligned.durations[0].sum()) == 10 and int(aligned.durations[0].min()) == 1
    assert aligned.durations[1] is None and aligned.durations[2] is None
    assert aligned.failures == {
        "too fast": "10 frames are too few for 8 labels",
        "empty": "no label to align",
    }


@settings(max_examples=40, deadline=None)
@given(
    frames=st.integers(1, 40),
    labels=st.lists(st.integers(1, 5), min_size=1, max_size=25),
    boundary=st.sampled_from(["midway", "change"]),
)
def test_every_frame_is_used_and_every_token_has_one(frames, labels, boundary):
    recogniser = CtcRecogniser(6, n_mels=4, conv_width=8, lstm_width=4).eval()
    mels = torch.randn(1, frames, 4)
    aligned = forced_alignment(recogniser, mels, ones(frames), [labels], boundary=boundary)
    durations = aligned.durations[0]
    if frames < steps_needed(labels):
        assert durations is None
    else:
        assert len(durations) == len(labels)
        assert int(durations.sum()) == frames and int(durations.min()) >= 1


def test_errors_say_what_to_do():
    recogniser = CtcRecogniser(6, n_mels=4).eval()
    with pytest.raises(ValueError, match="one label list and one id per row"):
        forced_alignment(recogniser, torch.zeros(2, 8, 4), torch.ones(2, 8).bool(), [[1]])
    with pytest.raises(ValueError, match=r"a: labels must lie in 1\.\.5"):
        forced_alignment(recogniser, torch.zeros(1, 8, 4), ones(8), [[0, 6]], ids=["a"])
