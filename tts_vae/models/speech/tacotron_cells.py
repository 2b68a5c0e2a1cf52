"""LSTM steps with zoneout or dropout, and the prenet: what Tacotron 2's recurrences are made of."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tts_vae.models.speech.packed_linear import wide_linear
from tts_vae.models.speech.random_masks import dropout, keep_mask
from tts_vae.models.speech.shared_matmul import SharedMatmul


class Keep(NamedTuple):
    """What of a step's new state is taken, for one step or (steps, ...) for all.

    Attributes:
        hidden: factor of the new hidden state, (batch, units) or a number; None for 1.
        cell: share of the new cell, as ``hidden``.
        old: whether the rest is filled up with the old state (zoneout) or left out (dropout).
    """

    hidden: Tensor | None
    cell: Tensor | None
    old: bool

    def at(self, step: int) -> "Keep":
        """Factors of one step."""
        if self.hidden is None or self.hidden.dim() == 0:
            return self
        return Keep(self.hidden[step], None if self.cell is None else self.cell[step], self.old)


class LstmLayer(nn.LSTM):
    """One layer of torch's LSTM, (steps, batch, features) -> (steps, batch, units).

    Args:
        width_in: features.
        units: of hidden state and cell.
    """

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(self, width_in: int, units: int) -> None:
        super().__init__(width_in, units)

    @property
    def summed_bias(self) -> Tensor:
        """The two biases that torch keeps, as one, (4 units,)."""
        return self.bias_ih_l0 + self.bias_hh_l0


class HiddenDropout(nn.Module):
    """Dropout of the hidden states that feed back (NVIDIA's and torchaudio's Tacotron 2).

    Args:
        rate: probability of dropping a unit; 0 leaves a plain LSTM.

    Raises:
        ValueError: if the rate is not in [0, 1).
    """

    def __init__(self, rate: float = 0.1) -> None:
        super().__init__()
        self.rate = _checked(rate)

    def forward(self, like: Tensor, steps: int) -> Keep:
        """Factors for ``steps`` steps of states shaped like ``like`` (batch, units)."""
        if not self.training or self.rate == 0:
            return Keep(None, None, False)
        mask = keep_mask((steps, *like.shape), 1 - self.rate, like.device).float()
        return Keep(mask.div_(1 - self.rate), None, False)


class Zoneout(nn.Module):
    """Units that keep their old state by chance (Krueger et al. 2017, arXiv 1606.01305).

    In evaluation every unit takes the expectation, as Tacotron 2 does (Shen et al. 2018, 2.2).

    Args:
        rate: probability of keeping the old value, for hidden state and cell.

    Raises:
        ValueError: if the rate is not in [0, 1).
    """

    def __init__(self, rate: float = 0.1) -> None:
        super().__init__()
        self.rate = _checked(rate)

    def forward(self, like: Tensor, steps: int) -> Keep:
        """Factors for ``steps`` steps of states shaped like ``like`` (batch, units)."""
        if self.rate == 0:
            return Keep(None, None, False)
        if not self.training:
            share = torch.tensor(1 - self.rate, device=like.device)
            return Keep(share, share, True)
        masks = keep_mask((2, steps, *like.shape), 1 - self.rate, like.device).float()
        return Keep(masks[0], masks[1], True)


def _checked(rate: float) -> float:
    if not 0 <= rate < 1:
        raise ValueError(f"rate must lie in [0, 1), got {rate}; the published one is 0.1")
    return rate


def lstm_cell(gates: Tensor, hidden: Tensor, cell: Tensor, keep: Keep) -> tuple[Tensor, Tensor]:
    """One LSTM step from its summed inputs.

    Args:
        gates: (batch, 4 units), input, forget, candidate and output gate before their sigmoids.
        hidden: (batch, units), the old state.
        cell: (batch, units).
        keep: what of the new state is taken.

    Returns:
        New hidden state and cell, (batch, units) each.
    """
    return _Cell.apply(gates, hidden, cell, keep)


class _Cell(torch.autograd.Function):
    """The gates' arithmetic as one node: a dozen nodes a step would cost more than their sums."""

    @staticmethod
    def forward(
        ctx: Any, gates: Tensor, hidden: Tensor, cell: Tensor, keep: Keep
    ) -> tuple[Tensor, Tensor]:
        units = cell.shape[1]
        active = torch.sigmoid(gates)
        torch.tanh(gates[:, 2 * units : 3 * units], out=active[:, 2 * units : 3 * units])
        i, f, g, o = active.chunk(4, 1)
        new_cell = torch.mul(f, cell).addcmul_(i, g)
        squashed = torch.tanh(new_cell)
        new_hidden = o * squashed
        ctx.keep = keep
        ctx.save_for_backward(active, cell, squashed)
        if keep.hidden is not None:
            if keep.old:
                new_hidden = torch.lerp(hidden, new_hidden, keep.hidden)
            else:
                new_hidden = new_hidden * keep.hidden
        if keep.cell is not None:
            new_cell = torch.lerp(cell, new_cell, keep.cell)
        return new_hidden, new_cell

    @staticmethod
    def backward(
        ctx: Any, for_hidden: Tensor, for_cell: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor, None]:
        active, cell, squashed = ctx.saved_tensors
        keep: Keep = ctx.keep
        i, f, g, o = active.chunk(4, 1)
        old_hidden = old_cell = None
        if keep.hidden is not None:
            taken = for_hidden * keep.hidden
            if keep.old:
                old_hidden = for_hidden - taken
            for_hidden = taken
        if keep.cell is not None:
            taken = for_cell * keep.cell
            old_cell = for_cell - taken
            for_cell = taken
        inner = torch.ops.aten.tanh_backward(for_hidden * o, squashed).add_(for_cell)
        for_gates = torch.empty_like(active)
        d_i, d_f, d_g, d_o = for_gates.chunk(4, 1)
        torch.mul(inner, g, out=d_i)
        torch.mul(inner, cell, out=d_f)
        torch.mul(inner, i, out=d_g)
        torch.mul(for_hidden, squashed, out=d_o)
        both, units = slice(0, 2 * cell.shape[1]), cell.shape[1]
        sigmoid_backward = torch.ops.aten.sigmoid_backward
        for_gates[:, both] = sigmoid_backward(for_gates[:, both], active[:, both])
        d_g.copy_(torch.ops.aten.tanh_backward(d_g, g))
        for_gates[:, 3 * units :] = sigmoid_backward(d_o, o)
        old = inner * f
        return for_gates, old_hidden, old if old_cell is None else old.add_(old_cell), None


def run_lstm(lstm: LstmLayer, inputs: Tensor, keep: Keep, dtype: torch.dtype | None) -> Tensor:
    """A whole sequence through one layer: one library call where nothing is zoned out.

    Args:
        lstm: the layer.
        inputs: (steps, batch, features).
        keep: factors of every step.
        dtype: of the recurrent product, or None for float32.

    Returns:
        Hidden states (steps, batch, units).
    """
    if keep.hidden is None:
        return lstm(inputs)[0]
    gates = wide_linear(inputs, lstm.weight_ih_l0, lstm.summed_bias, dtype)
    with torch.autocast(inputs.device.type, enabled=False):
        product = SharedMatmul(lstm.weight_hh_l0.t(), inputs.shape[1], dtype)
        hidden = cell = gates.new_zeros(inputs.shape[1], lstm.hidden_size)
        states = []
        for step, gate in enumerate(gates.unbind(0)):
            hidden, cell = lstm_cell(product(hidden, gate), hidden, cell, keep.at(step))
            states.append(hidden)
        return torch.stack(states)


class Prenet(nn.Module):
    """Linear layers with ReLU and a dropout that never stops (Shen et al. 2018, 2.2).

    The dropout at synthesis is the only randomness of a spoken sentence: given a generator, one
    mask serves a whole batch, so that a sentence sounds the same whatever it is batched with.

    Args:
        width_in: mel bands.
        widths: units of each layer.
        dropout: probability of dropping a unit.
    """

    def __init__(self, width_in: int, widths: Sequence[int], dropout: float = 0.5) -> None:
        super().__init__()
        self.dropout = dropout
        inputs = (width_in, *widths[:-1])
        self.layers = nn.ModuleList(
            nn.Linear(i, o, bias=False) for i, o in zip(inputs, widths, strict=True)
        )

    def forward(self, mels: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(steps, batch, n_mels) -> (steps, batch, widths[-1])."""
        x = mels
        if generator is None or not self.dropout:
            for layer in self.layers:
                x = dropout(F.relu(layer(x)), self.dropout, training=True)
            return x
        widths: list[int] = [layer.out_features for layer in self.layers]  # type: ignore[misc]
        # one draw for all layers: a step's mask must not depend on how many steps follow
        uniform = torch.rand(len(mels), sum(widths), generator=generator, device=generator.device)
        keep = (uniform >= self.dropout).to(x).unsqueeze(1) / (1 - self.dropout)
        for layer, mask in zip(self.layers, keep.split(widths, -1), strict=True):
            x = F.relu(layer(x)) * mask
        return x
