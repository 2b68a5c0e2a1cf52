"""Training a prior over codes: it learns, stops loudly, and a resumed run is the whole run."""

import math
import signal

import pytest
import torch
from safetensors.torch import load_file

from tts_vae.data.codes import CodeBatch
from tts_vae.models.image.pixelcnn import GatedPixelCNN
from tts_vae.models.token_transformer import TokenTransformer
from tts_vae.training.code_prior import CodePriorModule, nats_per_code, train_prior

CPU = {"accelerator": "cpu"}


def data(items=22, seed=0):
    """Grids whose codes are label + place mod 5, one in ten anything, and their labels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (items,), generator=generator)
    codes = (labels[:, None, None] + torch.arange(2)[:, None] + torch.arange(3)) % 5
    noise = torch.rand(codes.shape, generator=generator) < 0.1
    anything = torch.randint(5, codes.shape, generator=generator)
    return torch.where(noise, anything, codes), labels


def make(kind="pixelcnn", hidden=8):
    torch.manual_seed(0)
    if kind == "pixelcnn":
        return GatedPixelCNN(5, 2, 3, hidden, layers=2, classes=3, dropout=0.3)
    return TokenTransformer(
        3, 5, 1, 6, width=hidden, layers=1, heads=2, dropout=0.3, score_condition=True
    )


@pytest.fixture
def train(tmp_path):
    """Train a tiny prior: 11 steps of 4 batches an epoch, a checkpoint after each."""

    def call(kind="pixelcnn", *, output="run", prior=None, **settings):
        codes, labels = data()
        held_out, held_labels = data(8, seed=1)
        settings = {"steps": 11, "batch_size": 6, "warmup": 2, "every_s": 0.0, **settings}
        return train_prior(
            prior or make(kind),
            codes,
            labels,
            valid_codes=held_out,
            valid_conditions=held_labels,
            output=tmp_path / output,
            trainer=CPU,
            **settings,
        )

    return call


@pytest.fixture
def at_step(monkeypatch):
    """Watch or disturb training: call(step, module) before every step, losses after it."""
    step = CodePriorModule.training_step
    losses, actions = {}, []

    def watched(self, batch, batch_idx):
        number = self.global_step
        for action in actions:
            action(number, self)
        loss = step(self, batch, batch_idx)
        losses[number] = loss.item()
        return loss

    monkeypatch.setattr(CodePriorModule, "training_step", watched)
    watched.losses, watched.actions = losses, actions
    return watched


@pytest.fixture
def ctrl_c():
    """Ctrl-C as at a terminal: a shell's background job, such as a CI's, starts with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("kind", "stops", "more"),
    [
        ("pixelcnn", (6,), {}),  # within an epoch
        ("pixelcnn", (4, 9), {}),  # between epochs, then within the third
        ("transformer", (3, 8), {"condition_weight": 0.2}),
    ],
)
def test_a_resumed_run_continues_exactly(train, at_step, ctrl_c, tmp_path, kind, stops, more):
    train(kind, output="whole", **more)
    whole = dict(at_step.losses)
    assert sorted(whole) == list(range(11))
    at_step.losses.clear()
    left, seen = list(stops), {}

    def stop(number, module):
        if left and number == left[0]:
            left.pop(0)
            signal.raise_signal(signal.SIGINT)

    at_step.actions.append(stop)
    for number, _ in enumerate(stops):
        with pytest.raises(KeyboardInterrupt):
            train(kind, resume=number > 0, **more)
        seen |= at_step.losses
        at_step.losses.clear()
        torch.rand(3)  # a new process has another random state
    assert not (tmp_path / "run/prior.safetensors").exists()
    train(kind, resume=True, **more)
    assert min(at_step.losses) == stops[-1], "a checkpoint follows every step"
    assert seen | at_step.losses == whole
    files = [tmp_path / run / "prior.safetensors" for run in ("whole", "run")]
    assert files[0].read_bytes() == files[1].read_bytes()
    ours, theirs = (torch.load(tmp_path / x / "checkpoints/last.ckpt") for x in ("run", "whole"))
    assert ours["global_step"] == 11 and ours["epoch"] == theirs["epoch"]
    assert str(ours["optimizer_states"]) == str(theirs["optimizer_states"])


def test_the_product_is_the_prior_that_is_returned(train, tmp_path):
    state = torch.get_rng_state()
    prior = make()
    torch.set_rng_state(state)
    trained = train(prior=prior)
    assert torch.equal(torch.get_rng_state(), state), "the caller's random numbers stay his own"
    assert trained is prior and not trained.training
    weights = load_file(tmp_path / "run/prior.safetensors")
    assert weights.keys() == trained.state_dict().keys()
    assert all(torch.equal(weights[name], x) for name, x in trained.state_dict().items())


def test_a_run_is_not_overwritten_but_can_be_prolonged(train, at_step):
    train(steps=3)
    with pytest.raises(ValueError, match="already holds a run; continue it with resume=true"):
        train(steps=3)
    at_step.losses.clear()
    train(steps=3, resume=True)
    assert at_step.losses == {}
    train(steps=5, resume=True)
    assert list(at_step.losses) == [3, 4]
    with pytest.raises(ValueError, match=r"another configuration: prior\..* is \(.*there and"):
        train(steps=6, resume=True, prior=make(hidden=12))


def test_a_loss_that_is_not_finite_stops_the_run(train, at_step, tmp_path):
    def poison(number, module):
        if number == 3:
            with torch.no_grad():
                next(module.prior.parameters())[:] = math.nan

    at_step.actions.append(poison)
    message = r"loss is not finite at step 3; the last checkpoint is kept: .*lower optimizer.learn"
    with pytest.raises(FloatingPointError, match=message):
        train()
    checkpoint = torch.load(tmp_path / "run/checkpoints/last.ckpt")
    assert checkpoint["global_step"] == 3
    assert all(x.isfinite().all() for x in checkpoint["state_dict"].values())
    assert not (tmp_path / "run/prior.safetensors").exists()


@pytest.mark.parametrize("kind", ["pixelcnn", "transformer"])
def test_it_learns_and_says_how_much(tmp_path, caplog, kind):
    codes, labels = data(1500)
    held_out, held_labels = data(300, seed=1)
    prior = make(kind, hidden=24)
    prior.apply(lambda part: setattr(part, "p", 0.0) if hasattr(part, "p") else None)
    before = nats_per_code(prior, held_out, held_labels)
    assert before == pytest.approx(math.log(5), abs=0.3)
    with caplog.at_level("INFO"):
        trained = train_prior(
            prior,
            codes,
            labels,
            valid_codes=held_out,
            valid_conditions=held_labels,
            output=tmp_path / "run",
            steps=150,
            learning_rate=1e-2,
            warmup=10,
            trainer=CPU,
        )
    entropy = -(0.92 * math.log(0.92) + 4 * 0.02 * math.log(0.02))
    after = nats_per_code(trained, held_out, held_labels)
    assert entropy - 0.08 < after < entropy + 0.08
    by_hand = -trained.log_prob(held_out, held_labels).sum().item() / held_out.numel()
    assert after == pytest.approx(by_hand, rel=1e-5)
    assert f"'valid/nats_per_code': {round(after, 4)}" in caplog.text


def test_padding_counts_for_nothing(tmp_path):
    codes = torch.tensor([[1, 2, 3, -1, -1], [0, -1, -1, -1, -1]])
    prior = TokenTransformer(0, 5, 0, 5, width=8, layers=1, heads=2)
    alone = sum(-prior.log_prob(c[c >= 0][None]).item() for c in codes) / 4
    assert nats_per_code(prior, codes) == pytest.approx(alone, rel=1e-5)
    module = CodePriorModule(prior)
    module.log = lambda *args, **kwargs: None
    assert module.training_step(CodeBatch(codes, {}), 0).item() == pytest.approx(alone, rel=1e-5)
    train_prior(prior, codes, output=tmp_path, steps=2, trainer=CPU)  # no validation, no condition


def test_the_condition_is_weighed():
    codes, labels = data()
    prior = make("transformer").eval()
    module = CodePriorModule(prior, condition_weight=0.5)
    module.log = lambda *args, **kwargs: None
    loss = module.training_step(CodeBatch(codes, {"condition": labels}), 0)
    expected = -prior.log_prob(codes, labels, condition_weight=0.5).sum() / codes.numel()
    torch.testing.assert_close(loss, expected)
    with pytest.raises(ValueError, match="needs a prior that scores its condition, got GatedPixel"):
        CodePriorModule(make(), condition_weight=0.5)
