"""Moving averages of groups of vectors (van den Oord et al. 2017, arXiv 1711.00937, eqs 6 to 8)."""

import torch
from torch import Tensor


@torch.no_grad()
def move_means(means: Tensor, counts: Tensor, sums: Tensor, seen: Tensor, decay: float) -> None:
    """N <- decay N + (1 - decay) n, and the mean of every group follows, in place.

    Equation 8 divides two moving averages. Written as a step from the old mean it needs no second
    state, and a group that got nothing stays exactly where it is. From N = 0, at the start or after
    a revival, it is the plain mean of all that came since: no bias to correct.

    Args:
        means: (groups, width), moved.
        counts: (groups,) moving average N of how many there were, moved.
        sums: (groups, width) of the vectors of this batch.
        seen: (groups,) how many they are, n.
        decay: 0 to 1.
    """
    share = 1 - decay
    counts.mul_(decay).add_(seen, alpha=share)
    weight = share / counts.clamp(min=torch.finfo(counts.dtype).tiny)
    means.add_((sums - seen.unsqueeze(-1) * means) * weight.unsqueeze(-1))
