"""Agreement between the processes of a distributed run; a single process agrees with itself."""

import torch
from torch import Tensor, distributed


def together() -> bool:
    """Whether several processes train one model."""
    return rank_and_size()[1] > 1


def rank_and_size() -> tuple[int, int]:
    """This process and how many there are; (0, 1) of a single one."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


@torch.no_grad()
def sum_over_processes(tensor: Tensor) -> Tensor:
    """Add up a tensor over all processes, in place where there are several."""
    if together():
        distributed.all_reduce(tensor)
    return tensor


@torch.no_grad()
def from_first_process(tensor: Tensor) -> Tensor:
    """Overwrite a tensor with that of process 0, in place where there are several."""
    if together():
        distributed.broadcast(tensor, src=0)
    return tensor
