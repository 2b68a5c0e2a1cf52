"""The gated PixelCNN: exactly causal, exactly normalised, and a sampler of what it scores."""

import itertools
import math

import pytest
import torch

from tts_vae.models import categorical_codes
from tts_vae.models.image import pixelcnn
from tts_vae.models.image.pixelcnn import GatedPixelCNN


def seen_by(model, output, height, width, **given):
    """(outputs, inputs) bool in raster order: which embedded codes each place depends on."""
    embedded = model.embedding.weight.new_empty(1, model.place.shape[1], height, width)
    embedded.normal_().requires_grad_()
    rows = []
    for place in range(height * width):
        value = output(model, embedded, model._layer_biases(1, **given))
        (gradient,) = torch.autograd.grad(value.flatten(1, 2)[0, place].square().sum(), embedded)
        rows.append(gradient[0].abs().sum(0).flatten() > 0)
    return torch.stack(rows)


def logits_of(model, embedded, biases):
    return model._logits(embedded, model._links(embedded, biases), biases)


def vertical_of(model, embedded, biases):
    return model._links(embedded, biases)[-1].permute(0, 2, 3, 1)


def horizontal_of(model, embedded, biases):
    links = [torch.zeros_like(link) for link in model._links(embedded, biases)]
    return model._logits(embedded, links, biases)


@pytest.mark.parametrize("kernel_size", [3, 5])
@pytest.mark.parametrize(("height", "width"), [(4, 5), (1, 4), (4, 1)])
def test_every_place_sees_all_codes_before_it_and_no_other(height, width, kernel_size):
    model = GatedPixelCNN(
        4, height, width, 8, layers=5, kernel_size=kernel_size, classes=3, above_width=2
    ).double()
    given = {
        "condition": torch.tensor([1]),
        "above": torch.randn(1, height, width, 2, dtype=torch.float64),
    }
    order = torch.arange(height * width)
    before = order[None] < order[:, None]
    row = order // width
    above = row[None] < row[:, None]
    # equality, not inclusion: a later code seen is a leak, an earlier one unseen a blind spot
    assert torch.equal(seen_by(model, logits_of, height, width, **given), before)
    assert torch.equal(seen_by(model, vertical_of, height, width, **given), above)
    assert torch.equal(seen_by(model, horizontal_of, height, width, **given), before & ~above)


def test_logits_change_with_the_codes_before_alone():
    model = GatedPixelCNN(6, 3, 4, 16, layers=4)
    codes = torch.randint(6, (1, 3, 4))
    reference = model(codes).flatten(1, 2)
    for place in range(12):
        other = codes.clone().flatten(1)
        other[0, place] = (other[0, place] + 1) % 6
        changed = (model(other.reshape(1, 3, 4)).flatten(1, 2) != reference).any(-1)[0]
        assert not changed[: place + 1].any() and changed[place + 1 :].all()


@pytest.mark.parametrize("conditional", [False, True])
def test_all_grids_together_have_probability_one(conditional):
    model = GatedPixelCNN(
        3, 2, 2, 8, layers=2, classes=2 * conditional, above_width=3 * conditional
    ).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.6)  # far from uniform
    grids = torch.tensor(list(itertools.product(range(3), repeat=4))).reshape(81, 2, 2)
    for label in range(2 if conditional else 1):
        given = {}
        if conditional:
            above = torch.randn(1, 1, 2, 3, dtype=torch.float64).expand(81, -1, -1, -1)
            given = {"condition": torch.full((81,), label), "above": above}
        nats = model.log_prob(grids, **given)
        assert nats.shape == (81,) and nats.max() - nats.min() > 0.5
        assert nats.logsumexp(0).item() == pytest.approx(0.0, abs=1e-12)


def test_samples_follow_the_probabilities():
    model = GatedPixelCNN(2, 1, 2, 8, layers=2)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    grids = torch.tensor(list(itertools.product(range(2), repeat=2))).reshape(4, 1, 2)
    expected = model.log_prob(grids).exp()
    drawn = model.sample(20000, generator=torch.Generator().manual_seed(0)).flatten(1)
    share = (2 * drawn[:, 0] + drawn[:, 1]).bincount(minlength=4) / 20000
    assert (expected.max() - expected.min()) > 0.1
    torch.testing.assert_close(share, expected.detach(), atol=0.015, rtol=0)


def test_the_fast_sampler_draws_from_the_logits_of_forward(monkeypatch):
    model = GatedPixelCNN(5, 4, 3, 16, layers=3, classes=4, above_width=2, dropout=0.5)
    given = {"condition": torch.tensor([3, 0]), "above": torch.randn(2, 2, 3, 2)}
    seen = []

    def watched(logits, *settings):
        seen.append(logits)
        return categorical_codes.draw_codes(logits, *settings)

    monkeypatch.setattr(pixelcnn, "draw_codes", watched)
    codes = model.sample(2, **given)
    assert model.training, "drawing leaves the mode as it was"
    full = model.eval()(codes, **given).flatten(1, 2)
    torch.testing.assert_close(torch.stack(seen, 1), full, atol=1e-5, rtol=1e-5)


def test_temperature_zero_is_the_likeliest_and_top_k_is_kept():
    model = GatedPixelCNN(6, 2, 3, 16, layers=3)
    torch.nn.init.normal_(model.output[-1].weight, std=0.3)
    greedy = model.sample(1, temperature=0.0)
    assert torch.equal(greedy, model(greedy).argmax(-1))
    assert torch.equal(greedy, model.sample(1, top_k=1))
    drawn = model.sample(500, top_k=2, temperature=2.0)
    rank = (model(drawn) > model(drawn).gather(-1, drawn.unsqueeze(-1))).sum(-1)
    assert rank.max() == 1, "both of the two likeliest are drawn, and nothing else"


def test_the_seed_decides():
    model = GatedPixelCNN(6, 3, 3, 8, layers=2)

    def draw(seed):
        return model.sample(4, generator=torch.Generator().manual_seed(seed))

    first = draw(1)
    assert first.shape == (4, 3, 3) and first.dtype == torch.int64
    assert torch.equal(first, draw(1)) and not torch.equal(first, draw(2))


def test_conditions_matter_and_neighbours_do_not():
    model = GatedPixelCNN(4, 2, 2, 8, layers=2, classes=3, above_width=2).double()
    codes = torch.randint(4, (3, 2, 2))
    label, above = torch.tensor([0, 1, 2]), torch.randn(3, 1, 1, 2, dtype=torch.float64)
    nats = model.log_prob(codes, label, above)
    assert (model.log_prob(codes, label.flip(0), above) != nats)[[0, 2]].all()
    assert (model.log_prob(codes, label, above.flip(0)) != nats)[[0, 2]].all()
    alone = torch.cat([model.log_prob(codes[[i]], label[[i]], above[[i]]) for i in range(3)])
    torch.testing.assert_close(alone, nats, rtol=1e-12, atol=1e-12)


def test_it_learns_a_distribution_to_its_entropy():
    generator = torch.Generator().manual_seed(0)

    def make(n):
        """Code = label + row + column mod 5, but one time in ten any code."""
        labels = torch.randint(3, (n,), generator=generator)
        place = torch.arange(3)[:, None] + torch.arange(3)
        codes = (labels[:, None, None] + place) % 5
        noise = torch.rand(codes.shape, generator=generator) < 0.1
        return labels, torch.where(noise, torch.randint(5, codes.shape, generator=generator), codes)

    entropy = -(0.92 * math.log(0.92) + 4 * 0.02 * math.log(0.02))
    model = GatedPixelCNN(5, 3, 3, 24, layers=2, classes=3)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(150):
        labels, codes = make(128)
        optimizer.zero_grad()
        (-model.log_prob(codes, labels).mean() / 9).backward()
        optimizer.step()
    labels, codes = make(4000)
    nats = -model.log_prob(codes, labels).mean().item() / 9
    assert entropy - 0.02 < nats < entropy + 0.04
    assert nats < math.log(5) / 2
    drawn = model.sample(300, torch.arange(3).repeat(100))
    expected = (torch.arange(3).repeat(100)[:, None, None] + place_of(3)) % 5
    assert (drawn == expected).float().mean() == pytest.approx(0.92, abs=0.03)


def place_of(size):
    return torch.arange(size)[:, None] + torch.arange(size)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"codes": 0}, "codes must be at least 1, got 0"),
        ({"layers": 0}, "layers must be at least 1, got 0"),
        ({"kernel_size": 4}, "kernel_size must be odd and at least 3, got 4; try 3"),
        ({"classes": -1}, "must be at least 0, got -1 and 0; 0 means no such condition"),
    ],
)
def test_a_wrong_size_is_one_line(settings, words):
    with pytest.raises(ValueError, match=words) as caught:
        GatedPixelCNN(**{"codes": 4, "height": 2, "width": 2, **settings})
    assert "\n" not in str(caught.value)


GRID = torch.zeros(2, 2, 3, dtype=torch.int64)
LABELS = torch.zeros(2, dtype=torch.int64)
ABOVE = torch.zeros(2, 1, 1, 4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((GRID + 5, LABELS, ABOVE), r"codes must lie in 0 to 4, got 5 to 5; check the vocabulary"),
        ((GRID - 1, LABELS, ABOVE), r"codes must lie in 0 to 4, got -1 to -1; .* is masked"),
        ((GRID.float(), LABELS, ABOVE), r"must be int64 indices, got torch.float32; convert"),
        ((GRID.mT, LABELS, ABOVE), r"codes must be \(batch, 2, 3\), got \(2, 3, 2\); give height"),
        ((GRID, None, ABOVE), "classes=3 needs condition, got None; pass condition="),
        ((GRID, LABELS, None), "above_width=4 needs above, got None; pass above="),
        ((GRID, LABELS[:1], ABOVE), r"condition must be \(2,\), got \(1,\); one class per grid"),
        ((GRID, LABELS + 3, ABOVE), "condition must lie in 0 to 2, got 3 to 3"),
        ((GRID, LABELS, ABOVE[:, [0, 0, 0]]), r"divide 2 and 3, got \(2, 3, 1, 4\); resize it"),
    ],
)
def test_wrong_input_is_one_line(arguments, words):
    model = GatedPixelCNN(5, 2, 3, 8, layers=1, classes=3, above_width=4)
    with pytest.raises(ValueError, match=words) as caught:
        model.log_prob(*arguments)
    assert "\n" not in str(caught.value)
    plain = GatedPixelCNN(5, 2, 3, 8, layers=1)
    with pytest.raises(ValueError, match=r"classes=0 takes no condition, got shape \(2,\)"):
        plain(GRID, LABELS)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n": 0}, "n must be at least 1, got 0"),
        ({"top_k": 0}, "top_k must be at least 1, got 0; None draws from all codes"),
        ({"temperature": -1.0}, "temperature must be finite and at least 0, got -1"),
        ({"temperature": math.nan}, "temperature must be finite and at least 0, got nan"),
    ],
)
def test_a_wrong_draw_is_one_line(settings, words):
    with pytest.raises(ValueError, match=words):
        GatedPixelCNN(5, 2, 3, 8, layers=1).sample(**{"n": 1, **settings})


def test_a_copy_by_state_dict_is_bit_identical():
    model, copy = (GatedPixelCNN(4, 2, 2, 8, layers=2, classes=2) for _ in range(2))
    copy.load_state_dict(model.state_dict())
    codes, labels = torch.randint(4, (5, 2, 2)), torch.randint(2, (5,))
    assert torch.equal(model(codes, labels), copy(codes, labels))
