"""The arithmetic under Tacotron, each piece against the plain way to say it."""

import gc
import weakref

import pytest
import torch
from torch.nn import functional as F

from tts_vae.models.speech import packed_linear
from tts_vae.models.speech.packed_linear import wide_linear
from tts_vae.models.speech.random_masks import dropout, keep_mask
from tts_vae.models.speech.reference_encoder import ConvGruReferenceEncoder
from tts_vae.models.speech.shared_matmul import SharedMatmul
from tts_vae.models.speech.tacotron_cells import (
    HiddenDropout,
    Keep,
    LstmLayer,
    Prenet,
    Zoneout,
    lstm_cell,
    run_lstm,
)
from tts_vae.models.speech.tacotron_encoder import TacotronTextEncoder
from tts_vae.models.speech.tacotron_postnet import NormedConv, Postnet
from tts_vae.models.speech.text_conditioned_encoder import TextConditionedEncoder


def gradients(output, inputs, weight):
    return torch.autograd.grad((output * weight).sum(), inputs)


@pytest.mark.parametrize("library", [True, False], ids=["packed", "plain"])
@pytest.mark.parametrize("rows", [3, 100])
def test_wide_linear_is_linear(library, rows, monkeypatch):
    if not library:
        monkeypatch.setattr(packed_linear, "packable", lambda weight: False)
    shapes = ((2, rows, 70), (90, 70), (90,))
    inputs = [torch.randn(shape, requires_grad=True) for shape in shapes]
    expected, found = F.linear(*inputs), wide_linear(*inputs, None)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    weight = torch.randn_like(expected)
    for one, other in zip(
        gradients(found, inputs, weight), gradients(expected, inputs, weight), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("library", [True, False], ids=["packed", "plain"])
@pytest.mark.parametrize(
    "shared, x", [((70, 90), (4, 70)), ((6, 8), (3, 20, 6)), ((2, 7, 5), (2, 1, 7))]
)
def test_a_shared_product_is_a_product(library, shared, x, monkeypatch):
    if not library:
        monkeypatch.setattr(packed_linear, "packable", lambda weight: False)
    matrix = torch.randn(shared, requires_grad=True)
    xs = [torch.randn(x, requires_grad=True) for _ in range(3)]
    plus = torch.randn(*x[:-1], shared[-1], requires_grad=True)
    product = SharedMatmul(matrix, torch.Size(x[:-1]).numel())
    found = torch.stack([product(xs[0], plus), product(xs[1]), product(xs[2])])
    expected = torch.stack([xs[0] @ matrix + plus, xs[1] @ matrix, xs[2] @ matrix])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    weight = torch.randn_like(expected)
    inputs = [matrix, plus, *xs]
    for one, other in zip(
        gradients(found, inputs, weight), gradients(expected, inputs, weight), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)


def test_steps_that_no_gradient_reaches_count_nothing():
    matrix = torch.randn(5, 6, requires_grad=True)
    product = SharedMatmul(matrix, 2)
    outputs = [product(torch.full((2, 5), float(k))) for k in (1, 2, 3)]
    (found,) = torch.autograd.grad(outputs[1].sum(), matrix)
    torch.testing.assert_close(found, torch.full((5, 6), 4.0))


def keeps(kind, batch, units):
    mask = (torch.rand(2, batch, units) < 0.7).float()
    return {
        "plain": Keep(None, None, False),
        "zoneout": Keep(mask[0], mask[1], True),
        "expected": Keep(torch.tensor(0.9), torch.tensor(0.9), True),
        "dropout": Keep(mask[0] / 0.7, None, False),
    }[kind]


@pytest.mark.parametrize("kind", ["plain", "zoneout", "expected", "dropout"])
def test_a_cell_is_an_lstm_cell(kind):
    keep, (batch, units) = keeps(kind, 3, 4), (3, 4)
    shapes = ((batch, 4 * units), (batch, units), (batch, units))
    inputs = [torch.randn(shape, requires_grad=True) for shape in shapes]
    i, f, g, o = inputs[0].chunk(4, 1)
    cell = torch.sigmoid(f) * inputs[2] + torch.sigmoid(i) * torch.tanh(g)
    hidden = torch.sigmoid(o) * torch.tanh(cell)
    if kind == "dropout":
        hidden = hidden * keep.hidden
    elif kind != "plain":
        hidden = keep.hidden * hidden + (1 - keep.hidden) * inputs[1]
        cell = keep.cell * cell + (1 - keep.cell) * inputs[2]
    used = inputs if keep.old else [inputs[0], inputs[2]]
    found = lstm_cell(*inputs, keep)
    weight = torch.randn(2, batch, units)
    torch.testing.assert_close(torch.stack(found), torch.stack([hidden, cell]))
    for one, other in zip(
        gradients(torch.stack(found), used, weight),
        gradients(torch.stack([hidden, cell]), used, weight),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_the_loop_is_the_library_where_nothing_is_zoned_out():
    lstm, inputs = LstmLayer(5, 7), torch.randn(6, 2, 5)
    everything = Keep(torch.tensor(1.0), torch.tensor(1.0), True)
    found = run_lstm(lstm, inputs, everything, None)
    torch.testing.assert_close(found, run_lstm(lstm, inputs, Keep(None, None, False), None))


def test_regularisers_keep_the_mean_and_know_when_to_stop():
    like = torch.zeros(40, 50)
    drop, zone = HiddenDropout(0.2), Zoneout(0.1)
    assert drop(like, 30).hidden.mean().item() == pytest.approx(1, abs=0.02)
    masks = zone(like, 30)
    for mask in (masks.hidden, masks.cell):
        assert mask.mean().item() == pytest.approx(0.9, abs=0.01)
        assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(masks.hidden, masks.cell)
    assert drop.eval()(like, 30) == Keep(None, None, False)
    assert zone.eval()(like, 30).hidden.item() == pytest.approx(0.9)
    with pytest.raises(ValueError, match=r"rate must lie in \[0, 1\), got 1.0"):
        Zoneout(1.0)


def test_masks_are_right_to_a_thousandth_and_independent():
    mask = keep_mask((1000, 1001), 0.3, torch.device("cpu")).float()
    assert mask.mean().item() == pytest.approx(0.3, abs=2e-3)
    for lag in (1, 2, 3, 4):  # four values come of one draw
        both = (mask[:, :-lag] * mask[:, lag:]).mean().item()
        assert both == pytest.approx(0.09, abs=2e-3)
    assert keep_mask((50,), 1.0, torch.device("cpu")).all()
    assert not keep_mask((50,), 0.0, torch.device("cpu")).any()
    x = torch.ones(500, 500)
    assert set(dropout(x, 0.5, True).unique().tolist()) == {0.0, 2.0}
    assert dropout(x, 0.5, False) is x


def test_the_prenet_never_stops_dropping_and_can_repeat_itself():
    prenet, mels = Prenet(6, (20, 20)).eval(), torch.randn(9, 2, 6)
    assert not torch.equal(prenet(mels), prenet(mels))

    def seeded(steps):
        return prenet(mels[:steps], torch.Generator().manual_seed(4))

    torch.testing.assert_close(seeded(9)[:5], seeded(5))
    same = prenet(mels[:, :1].expand(-1, 2, -1), torch.Generator().manual_seed(4))
    torch.testing.assert_close(same[:, 0], same[:, 1])


def test_batch_norm_sees_real_steps_alone():
    mask = torch.arange(7) < torch.tensor([[7], [4]])
    x = torch.randn(2, 3, 7)
    torch.manual_seed(1)
    conv = NormedConv(3, 5, 1, "none", 0.0).train()
    found = conv(x, mask)
    flat = conv.conv(x).transpose(1, 2)[mask]
    expected = F.batch_norm(flat, None, None, conv.norm.weight, conv.norm.bias, training=True)
    torch.testing.assert_close(found.transpose(1, 2)[mask], expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(conv.norm.running_mean, 0.1 * flat.mean(0))
    whole = torch.ones(2, 7, dtype=torch.bool)
    plain = conv.norm(conv.conv(x))
    torch.testing.assert_close(conv(x, whole), plain)


def test_padding_never_reaches_text_encoder_or_postnet():
    mask = torch.arange(8) < torch.tensor([[8], [5]])
    encoder = TacotronTextEncoder(20, 16).eval()
    tokens = torch.randint(1, 20, (2, 8))
    both = encoder(tokens, mask)
    alone = encoder(tokens[1:, :5], mask[1:, :5])
    torch.testing.assert_close(both[1:, :5], alone)
    assert not both[1, 5:].any()
    postnet, mels = Postnet(6, 12, layers=3).eval(), torch.randn(2, 8, 6)
    torch.testing.assert_close(
        postnet(mels, mask)[1:, :5], postnet(mels[1:, :5], mask[1:, :5]), rtol=1e-4, atol=1e-5
    )


def test_a_posterior_can_be_told_the_text():
    reference = ConvGruReferenceEncoder(8, (4, 8), feature_width=12)
    encoder = TextConditionedEncoder(reference, 12, 20, feature_width=10, text_width=6).eval()
    mels, mask = torch.randn(2, 30, 8), torch.ones(2, 30, dtype=torch.bool)
    tokens = torch.tensor([[3, 4, 5, 0, 0], [3, 4, 5, 6, 7]])
    features = encoder(mels[:1].expand(2, -1, -1), mask, condition=tokens)
    assert features.shape == (2, 10) and not torch.allclose(features[0], features[1])
    unpadded = encoder(mels[:1], mask[:1], condition=tokens[:1, :3])
    torch.testing.assert_close(features[:1], unpadded)


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
@pytest.mark.parametrize("learned", [True, False])
def test_a_shared_matrix_leaves_nothing_behind(dtype: torch.dtype | None, learned: bool) -> None:
    """A circle through torch's graph is never collected: 50 MB a step of training once."""
    shared, x = torch.randn(5, 5, requires_grad=True), torch.randn(3, 5, requires_grad=True)
    product = SharedMatmul(shared, 3, dtype)
    kept = [weakref.ref(product), weakref.ref(product.factors)]
    y = product(torch.tanh(product(torch.tanh(product(x)))))
    if learned:
        y.sum().backward()
    del product, y
    gc.collect()
    assert [each() for each in kept] == [None, None]
