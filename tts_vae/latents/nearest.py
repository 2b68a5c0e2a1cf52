"""The nearest code of every vector: one matrix product, and no doubt left about near ties.

|x - c|^2 = |x|^2 - 2 x.c + |c|^2, and |x|^2 does not matter for the choice. The product rounds, so
two codes about equally far could change places with the batch, the machine or the column they
stand in. Where the gap is smaller than the rounding could be, the distances of that row are
computed anew, by subtraction in float64: the outcome is that of brute force, ties to the lowest
index, whatever is beside it in the batch.
"""

import torch
from torch import Tensor

EXACT_ELEMENTS = 1 << 22  # of the (rows, codes, width) differences held at once


@torch.no_grad()
def nearest(x: Tensor, vectors: Tensor) -> Tensor:
    """Return the index (n,) int64 of the nearest vector of each row.

    Args:
        x: (n, width), float32 or float64; a row with NaN gets some valid index.
        vectors: (codes, width), the same type.
    """
    centre = vectors.mean(0)  # an encoder's outputs may share an offset far above their spread
    moved, codebook = x - centre, vectors - centre
    squared = codebook.square().sum(-1)
    scores = torch.addmm(squared, moved, codebook.T, alpha=-2)
    best, codes = scores.min(-1)
    second = scores.scatter_(1, codes.unsqueeze(1), torch.inf).amin(-1)
    largest = squared.max().sqrt()
    rounding = _product_rounding(x) + (x.shape[-1] + 8) * torch.finfo(x.dtype).eps
    doubt = 4 * rounding * largest * (moved.norm(dim=-1) + largest)
    rows = (second - best <= doubt).nonzero().squeeze(-1)
    if len(rows):
        codes[rows] = nearest_exactly(x[rows], vectors)
    return codes


@torch.no_grad()
def nearest_exactly(x: Tensor, vectors: Tensor) -> Tensor:
    """Return the index (n,) of the nearest vector by brute force in float64; ties to the lowest.

    Args:
        x: (n, width).
        vectors: (codes, width).
    """
    rows = max(1, EXACT_ELEMENTS // vectors.numel())
    codebook = vectors.double()
    return torch.cat(
        [
            (part.double().unsqueeze(1) - codebook).square().sum(-1).argmin(-1)
            for part in x.split(rows)
        ]
    )


def _product_rounding(x: Tensor) -> float:
    """Relative rounding of the factors where float32 products may run in TF32 or bfloat16."""
    if x.dtype != torch.float32:
        return 0.0
    return {"highest": 0.0, "high": 2.0**-10}.get(torch.get_float32_matmul_precision(), 2.0**-7)
