"""What a token transformer is asked wrongly is one line that says what to do."""

import pytest
import torch

from tts_vae.models.token_transformer import TokenTransformer


def make(condition_vocabulary=5, max_condition=4):
    return TokenTransformer(condition_vocabulary, 4, max_condition, 6, width=16, layers=1, heads=2)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ((3, 0, 2, 2), "code_vocabulary must be at least 1, got 0"),
        ((3, 4, 2, 0), "max_codes must be at least 1, got 0"),
        ((3, 4, 0, 2), "both 0 for an unconditional model, got 3 and 0"),
        ((0, 4, 2, 2), "both 0 for an unconditional model, got 0 and 2"),
        ((3, 4, 2, 2, 16, 1, 3), "heads must divide width, got heads=3 and width=16"),
        ((0, 4, 0, 2, 16, 1, 2, 0.0, True), "score_condition=True needs a condition"),
    ],
)
def test_a_wrong_size_is_one_line(sizes, words):
    with pytest.raises(ValueError, match=words) as caught:
        TokenTransformer(*sizes)
    assert "\n" not in str(caught.value)


CONDITION = torch.zeros(2, 4, dtype=torch.int64)
CODES = torch.zeros(2, 6, dtype=torch.int64)
NONE = torch.zeros(2, 4, dtype=torch.bool)
HOLE = torch.tensor([[True, False, True, True]] * 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((CODES + 4, CONDITION), "codes must lie in 0 to 3, got 4 to 4; check the vocabulary"),
        ((CODES - 2, CONDITION), "codes must lie in 0 to 3, got -2 to -2"),
        ((CODES, CONDITION + 5), "condition must lie in 0 to 4, got 5 to 5"),
        ((CODES.float(), CONDITION), "codes must be int64 indices, got torch.float32; convert"),
        ((CODES, None), "condition_vocabulary=5 needs condition, got None; pass condition="),
        ((CODES, CONDITION[:, :0]), "condition must have a real token in every .* got an empty"),
        ((CODES[:, :0], CONDITION), "codes must have a real token in every sequence"),
        ((CODES[:0], CONDITION[:0]), "codes must have a real token in every sequence"),
        ((CODES, CONDITION, NONE), "condition must have a real token .* leave such sequences out"),
        ((CODES - 1, CONDITION), "codes must have a real token .* fully padded"),
        ((CODES, CONDITION, HOLE), "padding after their tokens, got some before; move it"),
        ((CODES, CONDITION, NONE[:, :3]), r"mask of condition must be \(2, 4\).*got \(2, 3\)"),
        ((CODES, CONDITION[:1]), r"condition must be of 2 sequences, got \(1, 4\); one each"),
        ((CODES.repeat(1, 2), CONDITION), "12 tokens are longer than max_codes=6; shorten"),
        ((CODES, CONDITION.repeat(1, 2)), "8 tokens are longer than max_condition=4; shorten"),
        (
            (CODES, CONDITION, None, None, 0.1),
            "no model of the condition.*; build it with score_condition=True",
        ),
    ],
)
def test_wrong_input_is_one_line(arguments, words):
    with pytest.raises(ValueError, match=words) as caught:
        make().log_prob(*arguments)
    assert "\n" not in str(caught.value)


def test_an_unconditional_model_takes_no_condition():
    model = make(0, 0)
    with pytest.raises(ValueError, match=r"condition_vocabulary=0 takes no condition, got shape"):
        model(CONDITION, CODES)
    with pytest.raises(ValueError, match="n must be a positive number of sequences.* got None"):
        model.sample()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"top_k": 0}, "top_k must be at least 1, got 0; None draws from all codes"),
        ({"temperature": -1.0}, "temperature must be finite and at least 0, got -1"),
        ({"length": 0}, r"length must be one or \(2,\) positive numbers, got 0"),
        ({"length": torch.tensor([1, 2, 3])}, r"length must be one or \(2,\) positive numbers"),
        ({"length": 7}, "codes of 7 tokens are longer than max_codes=6"),
        ({"n": 3}, "left out with a condition, got 3"),
        ({"condition_mask": NONE}, "condition must have a real token in every sequence"),
    ],
)
def test_a_wrong_draw_is_one_line(settings, words):
    with pytest.raises(ValueError, match=words):
        make().sample(CONDITION, **settings)
