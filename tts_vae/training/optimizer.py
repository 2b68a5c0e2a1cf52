"""The optimiser of our trainers: AdamW in one fused pass, without a question a CPU need not ask.

Before every step torch asks whether an accelerator is recording a graph, sorts the parameters by
device, and checks what cannot have changed since the step before. In main memory that is more work
than the update of a small image model.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Moving = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""A parameter, its gradient, running mean and mean square, and how often it has moved."""


class FusedAdamW(torch.optim.AdamW):
    """``torch.optim.AdamW(..., fused=True)``, the same numbers and the same state.

    Args:
        params: as torch takes them.
        options: lr, betas, eps and weight_decay, as torch takes them.
    """

    def __init__(self, params: Any, **options: Any) -> None:
        super().__init__(params, fused=True, **options)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Update the parameters that have a gradient.

        Args:
            closure: computes the loss anew, with its gradients.

        Returns:
            What the closure returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        moving = [self._moving(group) for group in self.param_groups]
        if any(group is None for group in moving):
            super().step()
            return loss
        for options, group in zip(self.param_groups, moving, strict=True):
            if group:
                _advance(group, options)
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients.

        Args:
            set_to_none: drop them; else fill them with zeros.
        """
        if not set_to_none:
            super().zero_grad(set_to_none=False)
            return
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    def _moving(self, group: dict[str, Any]) -> list[Moving] | None:
        """Parameters that have a gradient; None if one is new or lies elsewhere than in memory."""
        moving = []
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            state = self.state.get(parameter)
            if not state or not gradient.is_cpu:
                return None
            moving.append(
                (parameter, gradient, state["exp_avg"], state["exp_avg_sq"], state["step"])
            )
        return moving


def _advance(moving: list[Moving], options: dict[str, Any]) -> None:
    columns = [list(column) for column in zip(*moving, strict=True)]
    parameters, gradients, means, squares, steps = columns
    torch._foreach_add_(steps, 1)
    torch._fused_adamw_(
        parameters,
        gradients,
        means,
        squares,
        [],
        steps,
        amsgrad=False,
        lr=options["lr"],
        beta1=options["betas"][0],
        beta2=options["betas"][1],
        weight_decay=options["weight_decay"],
        eps=options["eps"],
        maximize=False,
    )
