"""The optimiser of our trainers: AdamW in one fused pass, without a question a CPU need not ask.

Before every step torch asks whether an accelerator is recording a graph. Where Lightning has set
``PYTORCH_NVML_BASED_CUDA_CHECK`` and there is no GPU, that looks for NVIDIA's library on the disk:
0.25 ms, a tenth of a step of a small image model.
"""

from typing import Any

import torch


class FusedAdamW(torch.optim.AdamW):
    """``torch.optim.AdamW(..., fused=True)``, the same numbers.

    Args:
        params: as torch takes them.
        options: lr, betas, eps and weight_decay, as torch takes them.
    """

    def __init__(self, params: Any, **options: Any) -> None:
        super().__init__(params, fused=True, **options)

    def _accelerator_graph_capture_health_check(self) -> None:
        if self._anywhere_else():
            super()._accelerator_graph_capture_health_check()

    def _cuda_graph_capture_health_check(self) -> None:  # its name before torch 2.14
        if self._anywhere_else():
            super()._cuda_graph_capture_health_check()  # type: ignore[misc]

    def _anywhere_else(self) -> bool:
        """Whether a parameter lies elsewhere than in main memory."""
        return any(group["params"][0].device.type != "cpu" for group in self.param_groups)
