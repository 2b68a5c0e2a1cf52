import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_vae.data.sampler import PaddedBatchSampler

LENGTHS = np.random.default_rng(0).integers(50, 900, 1000).tolist()


@given(
    st.lists(st.integers(1, 100), max_size=60),
    st.one_of(st.none(), st.integers(1, 9)),
    st.integers(1, 300),
    st.booleans(),
)
def test_every_utterance_once_within_both_limits(lengths, batch_size, max_frames, shuffle):
    sampler = PaddedBatchSampler(
        lengths, batch_size=batch_size, max_frames=max_frames, shuffle=shuffle
    )
    batches = list(sampler)
    assert sorted(itertools.chain(*batches)) == list(range(len(lengths)))
    for batch in batches:
        assert batch_size is None or len(batch) <= batch_size
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= max_frames


def test_little_padding_and_yet_varied_batches():
    sampler = PaddedBatchSampler(LENGTHS, batch_size=16)
    first, second = list(sampler), list(sampler)
    for batches in (first, second):
        padded = sum(max(LENGTHS[i] for i in batch) * len(batch) for batch in batches)
        assert sum(LENGTHS) / padded > 0.93
    assert not {tuple(sorted(b)) for b in first} & {tuple(sorted(b)) for b in second}
    longest = [max(LENGTHS[i] for i in batch) for batch in first]
    assert longest != sorted(longest)


def test_the_seed_and_the_epoch_decide():
    def epochs(seed):
        sampler = PaddedBatchSampler(LENGTHS, max_frames=8000, seed=seed)
        return [list(sampler), list(sampler)]

    assert epochs(0) == epochs(0) != epochs(1)
    sampler = PaddedBatchSampler(LENGTHS, max_frames=8000)
    sampler.set_epoch(1)
    assert list(sampler) == epochs(0)[1]
    assert len(sampler) > 0 and sampler.epoch == 2


def test_a_run_goes_on_where_it_stopped():
    whole = PaddedBatchSampler(LENGTHS, batch_size=16, seed=3)
    expected = list(whole) + list(whole)
    stopped = PaddedBatchSampler(LENGTHS, batch_size=16, seed=3)
    list(stopped)
    start = list(itertools.islice(stopped, 10))
    state = stopped.state_dict()
    assert state == {"epoch": 1, "position": 10}
    resumed = PaddedBatchSampler(LENGTHS, batch_size=16, seed=3)
    resumed.load_state_dict(state)
    resumed.set_epoch(1)  # a trainer says so again before each epoch
    rest = list(resumed)
    assert expected[: len(whole)] + start + rest == expected
    assert resumed.state_dict() == {"epoch": 2, "position": 0}


def test_looking_at_the_first_batches_does_not_use_them_up():
    sampler = PaddedBatchSampler(LENGTHS, batch_size=16, shuffle=False)
    glance = list(itertools.islice(sampler, 2))
    assert list(sampler)[:2] == glance


def test_ranks_share_an_epoch_in_equal_parts():
    whole = list(PaddedBatchSampler(LENGTHS, batch_size=16))
    parts = [
        list(PaddedBatchSampler(LENGTHS, batch_size=16, rank=r, world_size=4)) for r in range(4)
    ]
    assert {len(part) for part in parts} == {16}  # 63 batches and one again
    together = [batch for group in zip(*parts, strict=True) for batch in group]
    assert together == [*whole, whole[0]]


def test_drop_last_and_nothing_at_all():
    sampler = PaddedBatchSampler(LENGTHS, batch_size=16, drop_last=True)
    assert {len(batch) for batch in sampler} == {16}
    assert list(PaddedBatchSampler([], max_frames=100)) == []


def test_limits_are_needed():
    with pytest.raises(ValueError, match="positive batch_size or max_frames, got None and None"):
        PaddedBatchSampler(LENGTHS)
    with pytest.raises(ValueError, match="positive batch_size"):
        PaddedBatchSampler(LENGTHS, batch_size=0)
    with pytest.raises(ValueError, match="0 <= rank < world_size, got 2 and 2"):
        PaddedBatchSampler(LENGTHS, batch_size=4, rank=2, world_size=2)
