"""Matrix products through oneDNN, with weights packed once for many small batches of rows.

On CPUs torch sends float32 products to another library that reorders the weights at every call:
16 rows by 1536 x 4096, a step of Tacotron 2's LSTM at batch 16, took 3.7 ms on one AVX-512 core and
1.3 ms packed (1.0 and 0.5 ms in bfloat16); 6400 rows took 0.93 and 0.44 s. Elsewhere, and where
this build of torch lacks oneDNN, everything here is the plain product.
"""

from typing import Any

import torch
from torch import Tensor

FEW_ROWS = 64
"""Up to so many rows the packing of the weights decides."""


def packable(weight: Tensor) -> bool:
    """Whether oneDNN takes a product with this weight."""
    return (
        weight.device.type == "cpu"
        and weight.dtype in (torch.float32, torch.bfloat16)
        and weight.dim() == 2
        and torch.backends.mkldnn.is_available()
        and bool(torch.backends.mkldnn.enabled)
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


class PackedLinear:
    """``x @ weight.T`` for one weight and many x; no gradient.

    Args:
        weight: (outputs, inputs); a change of it afterwards is not seen.
        rows: that an x usually has.
    """

    def __init__(self, weight: Tensor, rows: int) -> None:
        self.weight = weight.detach()
        self.packed: Tensor | None = None
        if packable(weight):
            with torch.no_grad():
                plain = self.weight.contiguous()
                few = rows <= FEW_ROWS
                self.packed = torch.ops.mkldnn._reorder_linear_weight(plain, rows) if few else plain

    def __call__(self, x: Tensor) -> Tensor:
        """Multiply x (..., inputs), of the type of the weight; the result is (..., outputs)."""
        if self.packed is None or x.numel() == 0:
            return x @ self.weight.t()
        return torch.ops.mkldnn._linear_pointwise(x.contiguous(), self.packed, None, "none", [], "")


def wide_linear(x: Tensor, weight: Tensor, bias: Tensor, dtype: torch.dtype | None) -> Tensor:
    """``x @ weight.T + bias`` for many rows, float32, with gradients.

    Args:
        x: (..., inputs).
        weight: (outputs, inputs).
        bias: (outputs,).
        dtype: of the arithmetic, or None for float32.
    """
    return _WideLinear.apply(x, weight, bias, dtype)


class _WideLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, dtype: torch.dtype | None
    ) -> Tensor:
        dtype = dtype or torch.float32
        ctx.types, x, weight = x.dtype, x.to(dtype), weight.to(dtype)
        ctx.save_for_backward(x, weight)
        return PackedLinear(weight, x.shape[:-1].numel())(x).float() + bias

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        rows = gradient.flatten(0, -2)
        narrow = rows.to(x.dtype)
        for_x = for_weight = None
        if ctx.needs_input_grad[0]:
            for_x = PackedLinear(weight.t(), len(rows))(narrow).view_as(x).to(ctx.types)
        if ctx.needs_input_grad[1]:
            for_weight = outer_sum(narrow, x.flatten(0, -2)).float()
        return for_x, for_weight, rows.sum(0), None


def outer_sum(left: Tensor, right: Tensor) -> Tensor:
    """``left.T @ right`` of (rows, outputs) and (rows, inputs): the gradient of a weight."""
    wide = min(left.shape[1], right.shape[1]) > FEW_ROWS
    if left.dtype == torch.float32 and wide and packable(left):
        return PackedLinear(right.t(), left.shape[1])(left.t())
    return left.t() @ right
