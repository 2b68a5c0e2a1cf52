import pytest
import torch

from tts_vae.data.codes import CodeDataset, code_batches


def make(items=10, **conditions):
    codes = torch.arange(items)[:, None, None].expand(items, 2, 3).clone()
    return CodeDataset(codes, {"condition": torch.arange(items), **conditions})


def test_every_item_comes_once_an_epoch_with_its_own_conditions():
    loader = code_batches(make(above=torch.arange(10.0)[:, None]), 4, seed=3)
    epochs = []
    for _ in range(2):
        batches = list(loader)
        assert [len(b) for b in batches] == [len(b.codes) for b in batches]
        assert sorted(len(b) for b in batches) == [2, 4, 4]
        for batch in batches:
            assert torch.equal(batch.codes[:, 0, 0], batch.conditions["condition"])
            assert torch.equal(batch.codes[:, :1, 0].float(), batch.conditions["above"])
            assert batch.code_count == 6 * len(batch)
        epochs.append(torch.cat([b.conditions["condition"] for b in batches]))
        assert torch.equal(epochs[-1].sort().values, torch.arange(10))
    assert not torch.equal(*epochs)
    again = torch.cat([b.conditions["condition"] for b in code_batches(make(), 4, seed=3)])
    other = torch.cat([b.conditions["condition"] for b in code_batches(make(), 4, seed=4)])
    assert torch.equal(again, epochs[0]) and not torch.equal(other, epochs[0])


def test_an_epoch_is_continued_in_its_middle():
    loader = code_batches(make(), 4, seed=1)
    whole = [b.conditions["condition"].tolist() for b in loader]
    whole += [b.conditions["condition"].tolist() for b in loader]
    resumed = code_batches(make(), 4, seed=1)
    resumed.batch_sampler.load_state_dict({"epoch": 0, "position": 2})
    rest = [b.conditions["condition"].tolist() for b in resumed]
    rest += [b.conditions["condition"].tolist() for b in resumed]
    assert rest == whole[2:]


def test_padding_is_not_counted_and_a_batch_moves_whole():
    codes = torch.tensor([[1, 2, -1], [3, -1, -1]])
    (batch,) = code_batches(CodeDataset(codes, torch.tensor([5, 6])), 2, shuffle=False)
    assert batch.code_count == 3
    assert torch.equal(batch.conditions["condition"], torch.tensor([6, 5])), "shortest first"
    moved = batch.to("meta")
    assert moved.codes.is_meta and moved.conditions["condition"].is_meta


@pytest.mark.parametrize(
    ("codes", "conditions", "words"),
    [
        (torch.zeros(0, 2, dtype=torch.int64), None, r"at least one item, got torch.int64 \(0, 2"),
        (torch.zeros(3, 2), None, r"int64 .* got torch.float32 \(3, 2\); collect"),
        (torch.zeros(3, dtype=torch.int64), None, r"must be \(items, \*steps\).*got .*\(3,\)"),
        (torch.tensor([[0, 1], [-1, -1]]), None, "item 1 is all padding; leave out"),
        (torch.zeros(3, 2, dtype=torch.int64), torch.zeros(2), "same 3 items .* got 2; collect"),
    ],
)
def test_wrong_input_is_one_line(codes, conditions, words):
    with pytest.raises(ValueError, match=words) as caught:
        CodeDataset(codes, conditions)
    assert "\n" not in str(caught.value)
