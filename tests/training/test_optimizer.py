"""The fused optimiser takes the steps of torch's, and asks a CPU for no GPU."""

import torch

from tts_vae.training.optimizer import FusedAdamW


def train(optimizer_class, **options):
    torch.manual_seed(0)
    layer = torch.nn.Linear(5, 3)
    options |= {"lr": 0.1, "betas": (0.9, 0.98), "weight_decay": 0.01}
    optimizer = optimizer_class(layer.parameters(), **options)
    for _ in range(4):
        optimizer.zero_grad()
        layer(torch.randn(8, 5)).square().sum().backward()
        optimizer.step()
    return layer, optimizer


def test_steps_are_those_of_torch_bit_for_bit():
    ours, _ = train(FusedAdamW)
    theirs, _ = train(torch.optim.AdamW, fused=True)
    assert torch.equal(ours.weight, theirs.weight) and torch.equal(ours.bias, theirs.bias)


def test_no_gpu_is_looked_for_after_the_first_step(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: asked.append(1) or False)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda **_: asked.append(1))
    train(FusedAdamW)
    once = len(asked)
    train(torch.optim.AdamW, fused=True)
    assert len(asked) - once == 4 * once > 0, "torch asks no more either: FusedAdamW can go"


def test_a_parameter_without_gradient_stays_and_joins_later():
    def run(optimizer_class, **options):
        torch.manual_seed(0)
        layers = [torch.nn.Linear(3, 3) for _ in range(2)]
        parameters = [p for layer in layers for p in layer.parameters()]
        optimizer = optimizer_class(parameters, lr=0.1, weight_decay=0.01, **options)
        for step in range(5):
            optimizer.zero_grad()
            x = torch.randn(8, 3)
            sum(layer(x).square().sum() for layer in layers[: 1 + step % 2]).backward()
            optimizer.step()
        return parameters, [int(optimizer.state[p]["step"]) for p in parameters]

    (ours, counts), (theirs, expected) = run(FusedAdamW), run(torch.optim.AdamW, fused=True)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert counts == expected == [5, 5, 2, 2]


def test_a_closure_is_called_with_gradients():
    layer = torch.nn.Linear(2, 1)
    optimizer = FusedAdamW(layer.parameters(), lr=0.1)
    before = layer.weight.clone()

    def closure():
        optimizer.zero_grad()
        loss = layer(torch.ones(1, 2)).sum()
        loss.backward()
        return loss

    assert [optimizer.step(closure).requires_grad for _ in range(2)] == [True, True]
    assert not torch.equal(before, layer.weight)


def test_its_state_is_read_by_torch_and_back():
    _, ours = train(FusedAdamW)
    layer, theirs = train(torch.optim.AdamW, fused=True)
    theirs.load_state_dict(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())
    assert len(ours.state) == 2


def test_gradients_are_dropped_or_filled_with_zeros():
    layer = torch.nn.Linear(2, 1)
    optimizer = FusedAdamW(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert layer.weight.grad is not None and not layer.weight.grad.any()
    optimizer.zero_grad()
    assert layer.weight.grad is None and layer.bias.grad is None
