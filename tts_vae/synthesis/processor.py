"""What the processor can do."""

import torch


def cpu_has_bfloat16() -> bool:
    """Whether the cores compute in bfloat16, so that matrix products gain by it."""
    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in checks)
