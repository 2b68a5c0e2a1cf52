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


def test_no_gpu_is_looked_for(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: asked.append(1) or False)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda **_: asked.append(1))
    train(FusedAdamW)
    assert not asked
    train(torch.optim.AdamW, fused=True)
    assert asked, "torch asks no more either: FusedAdamW can go"


def test_its_state_is_read_by_torch_and_back():
    _, ours = train(FusedAdamW)
    layer, theirs = train(torch.optim.AdamW, fused=True)
    theirs.load_state_dict(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())
    assert len(ours.state) == 2
