"""A matrix that many steps multiply by: packed once, its gradient one product after the last step.

Automatic differentiation adds a full-size gradient of every shared weight at every step of a
recurrence: at Tacotron 2's sizes 25 MB are written 400 times. Here each step keeps its two narrow
factors, and the sum over steps of their outer products is a single wide product.
"""

from typing import Any

import torch
from torch import Tensor

from tts_vae.models.speech.packed_linear import PackedLinear, outer_sum


class SharedMatmul:
    """``x @ shared`` for many x; the values and gradients of the plain product.

    Args:
        shared: (inner, outputs) for every x (..., inner), or (batch, inner, outputs) for
            x (batch, rows, inner).
        rows: that an x has, (...) flattened.
        dtype: of the arithmetic, such as bfloat16; None keeps that of ``shared``. Results come in
            the type of x.
    """

    def __init__(self, shared: Tensor, rows: int, dtype: torch.dtype | None = None) -> None:
        self.value = shared.detach() if dtype is None else shared.detach().to(dtype)
        self.dtype, self.rows = self.value.dtype, rows
        self.one_for_all = shared.dim() == 2
        self.learning = torch.is_grad_enabled()
        recording = self.learning and shared.requires_grad
        self.factors = _Factors(self.one_for_all and rows > self.value.shape[0], self.one_for_all)
        self.token = _Gather.apply(shared, self.factors) if recording else None
        if self.one_for_all:
            self._forwards = PackedLinear(self.value.t(), rows)
            self._backwards: PackedLinear | None = None

    def __call__(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        """Multiply, and add ``plus`` (the shape of the result) where it is given."""
        if self.learning:
            return _Product.apply(x, plus, self.token, self)
        product = self.multiply(x.to(self.dtype)).to(x.dtype)
        return product if plus is None else product + plus

    def multiply(self, x: Tensor) -> Tensor:
        """``x @ shared`` in the type of the arithmetic, without gradient."""
        return self._forwards(x) if self.one_for_all else torch.bmm(x, self.value)

    def multiply_back(self, gradient: Tensor) -> Tensor:
        """``gradient @ shared.T``, likewise."""
        if not self.one_for_all:
            return torch.bmm(self.value, gradient.transpose(1, 2)).transpose(1, 2)
        if self._backwards is None:
            self._backwards = PackedLinear(self.value, self.rows)
        return self._backwards(gradient)


class _Factors:
    """The narrow factors of every step, until the last of them has its gradient.

    It knows neither the product nor its token: whatever the token's gradient function held would
    lead back to the token, and Python cannot collect a circle that runs through torch's graph.

    Args:
        tall: whether a step has more rows than the matrix, so that the sum is cheaper by steps.
        one_for_all: whether every example has the same matrix.
    """

    def __init__(self, tall: bool, one_for_all: bool) -> None:
        self.tall, self.one_for_all = tall, one_for_all
        self.inputs: list[Tensor] = []
        self.gradients: dict[int, Tensor] = {}

    def gather(self) -> Tensor | None:
        """Sum over steps of the outer products, and forget the gradients."""
        steps = sorted(self.gradients)
        if not steps:
            return None
        inputs = [self.inputs[step] for step in steps]
        gradients = [self.gradients[step] for step in steps]
        self.gradients.clear()
        if self.tall:
            total = inputs[0].new_zeros(inputs[0].shape[-1], gradients[0].shape[-1])
            for left, right in zip(inputs, gradients, strict=True):
                total.addmm_(left.flatten(0, -2).t(), right.flatten(0, -2))
            return total
        if self.one_for_all:
            left, right = (
                torch.cat([part.flatten(0, -2) for part in parts]) for parts in (inputs, gradients)
            )
            return outer_sum(left, right)
        return torch.bmm(torch.cat(inputs, 1).transpose(1, 2), torch.cat(gradients, 1))


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, plus: Tensor | None, token: Tensor | None, product: SharedMatmul
    ) -> Tensor:
        ctx.product, ctx.dtype, ctx.recorded = product, x.dtype, token is not None
        narrow = x.to(product.dtype)
        if ctx.recorded:
            ctx.step = len(product.factors.inputs)
            product.factors.inputs.append(narrow.detach())  # not its history: that leads back here
        result = product.multiply(narrow).to(x.dtype)
        return result if plus is None else result.add_(plus)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        product, token = ctx.product, None
        narrow = gradient.to(product.dtype)
        if ctx.recorded:
            product.factors.gradients[ctx.step] = narrow
            token = gradient.new_zeros(0)
        for_x = product.multiply_back(narrow).to(ctx.dtype) if ctx.needs_input_grad[0] else None
        return for_x, gradient if ctx.needs_input_grad[1] else None, token, None


class _Gather(torch.autograd.Function):
    """Runs backward after every product, because each of them has used its token."""

    @staticmethod
    def forward(ctx: Any, shared: Tensor, factors: _Factors) -> Tensor:
        ctx.factors, ctx.dtype = factors, shared.dtype
        return shared.new_zeros(0)

    @staticmethod
    def backward(ctx: Any, token: Tensor) -> tuple[Tensor | None, None]:
        gathered = ctx.factors.gather()
        return None if gathered is None else gathered.to(ctx.dtype), None
