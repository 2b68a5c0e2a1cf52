"""The token transformer: causal, normalised, blind to padding, and as fast cached as slow."""

import itertools
import math

import pytest
import torch

from tts_vae.models import categorical_codes, token_transformer
from tts_vae.models.token_transformer import TokenTransformer


def make(condition_vocabulary=5, code_vocabulary=4, max_condition=4, max_codes=6, **more):
    settings = {"width": 16, "layers": 2, "heads": 2, **more}
    model = TokenTransformer(
        condition_vocabulary, code_vocabulary, max_condition, max_codes, **settings
    )
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)  # far from uniform
    return model.double()


@pytest.mark.parametrize("padded", [False, True])
def test_every_code_sees_the_condition_and_all_codes_before_it(padded):
    model = make()
    captured = {}

    def keep(name):
        def hook(module, inputs, output):
            captured[name] = output
            output.retain_grad()

        return hook

    model.code_embedding.register_forward_hook(keep("codes"))
    model.condition_embedding.register_forward_hook(keep("condition"))
    mask = torch.tensor([[True, True, True, not padded]])
    for place in range(6):
        logits = model(torch.randint(5, (1, 4)), torch.randint(4, (1, 6)), mask)
        logits[0, place].square().sum().backward()
        codes = captured["codes"].grad[0].abs().sum(-1) > 0
        assert torch.equal(codes, torch.arange(5) < place)
        condition = captured["condition"].grad[0].abs().sum(-1) > 0
        assert torch.equal(condition, mask[0])


def test_logits_change_with_the_codes_before_alone():
    model = make()
    condition, codes = torch.randint(5, (1, 4)), torch.randint(4, (1, 6))
    reference = model(condition, codes)
    for place in range(6):
        other = codes.clone()
        other[0, place] = (other[0, place] + 1) % 4
        changed = ((model(condition, other) - reference).abs() > 1e-12).any(-1)[0]
        assert torch.equal(changed, torch.arange(6) > place)


@pytest.mark.parametrize("conditional", [False, True])
def test_all_sequences_together_have_probability_one(conditional):
    model = make(5 * conditional, 3, 2 * conditional, 4)
    codes = torch.tensor(list(itertools.product(range(3), repeat=4)))
    for label in range(3 if conditional else 1):
        condition = torch.tensor([[label, 4]]).expand(81, 2) if conditional else None
        nats = model.log_prob(codes, condition)
        assert nats.shape == (81,) and nats.max() - nats.min() > 0.5
        assert nats.logsumexp(0).item() == pytest.approx(0.0, abs=1e-12)


def test_condition_and_codes_together_have_probability_one():
    model = make(2, 3, 2, 2, score_condition=True)
    torch.nn.init.normal_(model.first_condition)
    pairs = torch.tensor(
        list(itertools.product(range(2), range(2), range(3), range(3))), dtype=torch.int64
    )
    condition, codes = pairs[:, :2], pairs[:, 2:]
    joint = model.log_prob(codes, condition, condition_weight=1.0)
    assert joint.logsumexp(0).item() == pytest.approx(0.0, abs=1e-12)
    alone = model.log_prob(codes, condition)
    weighted = model.log_prob(codes, condition, condition_weight=0.25)
    torch.testing.assert_close(weighted, alone + 0.25 * (joint - alone))
    # the condition's own part: the same for all codes, and normalised
    marginal = (joint - alone).reshape(4, 9)
    torch.testing.assert_close(marginal, marginal[:, :1].expand(4, 9))
    assert marginal[:, 0].logsumexp(0).item() == pytest.approx(0.0, abs=1e-12)
    short = torch.tensor([[1, 1], [1, -1]])
    padded = model.log_prob(codes[:2], short, condition_weight=1.0)
    cut = model.log_prob(codes[1:2], short[1:, :1], condition_weight=1.0)
    torch.testing.assert_close(padded[1:], cut)


def test_padding_changes_no_real_step():
    model = make(max_condition=7, max_codes=9)
    condition, codes = torch.randint(5, (2, 4)), torch.randint(4, (2, 6))
    lengths, ends = torch.tensor([4, 2]), torch.tensor([3, 6])
    condition_mask = torch.arange(4) < lengths[:, None]
    code_mask = torch.arange(6) < ends[:, None]
    logits = model(condition, codes, condition_mask, code_mask)
    nats = model.log_prob(codes, condition, condition_mask, code_mask)
    for row in range(2):
        alone = condition[row : row + 1, : lengths[row]], codes[row : row + 1, : ends[row]]
        torch.testing.assert_close(model(*alone)[0], logits[row, : ends[row]])
        torch.testing.assert_close(model.log_prob(*alone[::-1])[0], nats[row])
    # more padding, other garbage within it, and -1 instead of a mask
    longer = torch.nn.functional.pad(condition.masked_fill(~condition_mask, 3), (0, 3), value=2)
    more = torch.nn.functional.pad(codes.masked_fill(~code_mask, 1), (0, 3), value=3)
    masks = [torch.nn.functional.pad(m, (0, 3), value=False) for m in (condition_mask, code_mask)]
    again = model(longer, more, *masks)[:, :6]
    torch.testing.assert_close(again[code_mask], logits[code_mask])
    marked = (x.masked_fill(~m, -1) for x, m in ((more, masks[1]), (longer, masks[0])))
    torch.testing.assert_close(model.log_prob(*marked), nats)


def test_shapes_are_read_in_raster_order():
    model = make(max_condition=4, max_codes=6)
    condition, codes = torch.randint(5, (3, 2, 2)), torch.randint(4, (3, 2, 3))
    logits = model(condition, codes)
    assert logits.shape == (3, 2, 3, 4)
    flat = model(condition.flatten(1), codes.flatten(1))
    torch.testing.assert_close(logits.flatten(1, 2), flat)
    labels = condition[:, 0, 0]
    torch.testing.assert_close(
        model.log_prob(codes, labels), model.log_prob(codes, labels[:, None])
    )


@pytest.mark.parametrize("case", ["unconditional", "conditional", "padded conditions"])
def test_the_cache_changes_no_logit(monkeypatch, case):
    model = make(0, max_condition=0) if case == "unconditional" else make()
    model = model.float()
    given = {"n": 3}
    if case != "unconditional":
        given = {"condition": torch.randint(5, (3, 4))}
    if case == "padded conditions":
        given["condition_mask"] = torch.arange(4) < torch.tensor([[4], [1], [2]])
    drawn = {}
    for use_cache in (True, False):
        seen = []

        def watched(logits, *settings, seen=seen):
            seen.append(logits)
            return categorical_codes.draw_codes(logits, *settings)

        monkeypatch.setattr(token_transformer, "draw_codes", watched)
        generator = torch.Generator().manual_seed(0)
        codes = model.sample(length=6, generator=generator, use_cache=use_cache, **given)
        drawn[use_cache] = codes, torch.stack(seen, 1)
    assert torch.equal(drawn[True][0], drawn[False][0])
    torch.testing.assert_close(drawn[True][1], drawn[False][1], atol=1e-5, rtol=0)
    forward = model(given.get("condition"), drawn[True][0], given.get("condition_mask"))
    torch.testing.assert_close(drawn[True][1], forward, atol=1e-5, rtol=0)


def test_the_cache_saves_work(monkeypatch):
    model, steps = make(0, max_condition=0), []
    block = model.blocks[0]
    block.register_forward_pre_hook(lambda module, inputs: steps.append(inputs[0].shape[1]))
    model.sample(n=1, length=6)
    assert steps == [1] * 6
    steps.clear()
    model.sample(n=1, length=6, use_cache=False)
    assert steps == [1, 2, 3, 4, 5, 6]


def test_samples_follow_the_probabilities():
    model = make(2, 2, 1, 2)
    codes = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
    for label in range(2):
        expected = model.log_prob(codes, torch.full((4,), label)).exp().detach()
        generator = torch.Generator().manual_seed(label)
        drawn = model.sample(torch.full((20000,), label), generator=generator)
        share = (2 * drawn[:, 0] + drawn[:, 1]).bincount(minlength=4).double() / 20000
        assert expected.max() - expected.min() > 0.1
        torch.testing.assert_close(share, expected, atol=0.015, rtol=0)


def test_temperature_zero_is_the_likeliest_and_top_k_is_kept():
    model = make()
    condition = torch.randint(5, (1, 4))
    greedy = model.sample(condition, temperature=0.0)
    assert greedy.shape == (1, 6)
    assert torch.equal(greedy, model(condition, greedy).argmax(-1))
    assert torch.equal(greedy, model.sample(condition, top_k=1))
    many = condition.expand(500, 4)
    drawn = model.sample(many, top_k=2, temperature=2.0)
    logits = model(many, drawn)
    rank = (logits > logits.gather(-1, drawn.unsqueeze(-1))).sum(-1)
    assert rank.max() == 1, "both of the two likeliest are drawn, and nothing else"


def test_a_draw_at_any_temperature_is_the_softmax():
    logits = torch.tensor([1.0, 0.0, -1.0]).expand(30000, 3)
    drawn = categorical_codes.draw_codes(logits, 0.5, None, torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        drawn.bincount() / 30000, (logits[0] / 0.5).softmax(-1), atol=0.01, rtol=0
    )
    assert (categorical_codes.draw_codes(logits, 1e-30) == 0).all()
    assert categorical_codes.draw_codes(logits, 1.0, 99).max() == 2, "k beyond the vocabulary"


def test_the_seed_decides_and_dropout_does_not():
    model = make(dropout=0.9).train()
    condition = torch.randint(5, (4, 4))

    def draw(seed):
        return model.sample(condition, generator=torch.Generator().manual_seed(seed))

    first = draw(1)
    assert torch.equal(first, draw(1)) and not torch.equal(first, draw(2))
    assert model.training
    assert not torch.equal(model.log_prob(first, condition), model.log_prob(first, condition))


def test_each_sequence_ends_at_its_length():
    model = make()
    condition = torch.randint(5, (3, 4))
    drawn = model.sample(condition, torch.tensor([2, 5, 1]))
    assert drawn.shape == (3, 5)
    assert ((drawn == -1).sum(1) == torch.tensor([3, 0, 4])).all()
    assert (drawn[0, 2:] == -1).all() and drawn[0, :2].min() >= 0
    assert model.log_prob(drawn, condition).isfinite().all()


def test_it_learns_a_distribution_to_its_entropy():
    generator = torch.Generator().manual_seed(0)

    def ideal(condition):
        """Code i = last real token + i mod 5."""
        last = condition.gather(1, (condition >= 0).sum(1, keepdim=True) - 1)
        return (last + torch.arange(6)) % 5

    def draw(n):
        """The ideal, but one time in ten any code."""
        lengths = torch.randint(1, 4, (n, 1), generator=generator)
        condition = torch.randint(3, (n, 3), generator=generator)
        condition = condition.masked_fill(torch.arange(3) >= lengths, -1)
        noise = torch.rand(n, 6, generator=generator) < 0.1
        anything = torch.randint(5, (n, 6), generator=generator)
        return condition, torch.where(noise, anything, ideal(condition))

    entropy = -(0.92 * math.log(0.92) + 4 * 0.02 * math.log(0.02))
    model = TokenTransformer(3, 5, 3, 6, width=32, layers=2, heads=2)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    for _ in range(200):
        condition, codes = draw(128)
        optimizer.zero_grad()
        (-model.log_prob(codes, condition).mean() / 6).backward()
        optimizer.step()
    condition, codes = draw(4000)
    nats = -model.log_prob(codes, condition).mean().item() / 6
    assert entropy - 0.02 < nats < entropy + 0.04
    drawn = model.sample(condition[:500])
    assert (drawn == ideal(condition[:500])).float().mean() == pytest.approx(0.92, abs=0.03)


def test_a_copy_by_state_dict_is_bit_identical():
    model, copy = make(), make()
    copy.load_state_dict(model.state_dict())
    condition, codes = torch.randint(5, (3, 4)), torch.randint(4, (3, 6))
    assert torch.equal(model(condition, codes), copy(condition, codes))
