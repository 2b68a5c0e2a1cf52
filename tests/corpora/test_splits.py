from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tts_vae.corpora.splits import split_by_text, text_key


def test_key_ignores_case_and_marks():
    assert text_key("Please, call  Stella!") == text_key("please call stella") != text_key("please")


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), max_size=80, unique=True),
    st.integers(0, 5),
)
def test_no_text_is_in_two_splits_and_training_keeps_most(pairs, seed):
    items = [(f"{s}{t}", s, f"text {t}") for s, t in pairs]
    splits = split_by_text(items, test=4, valid=2, seed=seed)
    assert splits.keys() == {identifier for identifier, _, _ in items}
    homes = {}
    for identifier, _, text in items:
        assert homes.setdefault(text, splits[identifier]) == splits[identifier]
    assert splits == split_by_text(reversed(items), test=4, valid=2, seed=seed)


def test_quotas_per_speaker_and_another_seed():
    items = [
        (f"{s}{t}", s, f"own {s} {t}" if t > 5 else f"shared {t}")
        for s in "abcd"
        for t in range(60)
    ]
    splits = split_by_text(items, test=4, valid=2)
    counts = Counter((identifier[0], split) for identifier, split in splits.items())
    for speaker in "abcd":
        assert 4 <= counts[speaker, "test"] <= 8
        assert 2 <= counts[speaker, "valid"] <= 4
    assert splits != split_by_text(items, test=4, valid=2, seed=1)


def test_more_recordings_move_nothing_out_of_training_that_was_tested():
    items = [(f"a{t}", "a", f"text {t}") for t in range(200)]
    small = split_by_text(items, test=30, valid=8)
    assert Counter(small.values()) == {"test": 30, "valid": 8, "train": 162}
