"""Results as JSON: no NaN, no arrays; what is undefined becomes null and is counted."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
import torch


def plain_numbers(value: Any) -> tuple[Any, int]:
    """Turn a result into what JSON knows.

    Args:
        value: numbers, strings, paths, arrays, tensors, dataclasses, mappings, sequences.

    Returns:
        The same with plain numbers, lists and dicts, every NaN and infinity as None; and how many
        of those there were.

    Raises:
        ValueError: if a part is none of those.
    """
    undefined = 0

    def plain(part: Any) -> Any:
        nonlocal undefined
        if part is None or isinstance(part, bool | str | int):
            return part
        if isinstance(part, float):
            if math.isfinite(part):
                return part
            undefined += 1
            return None
        if isinstance(part, np.ndarray | np.generic | torch.Tensor):
            return plain(part.tolist())
        if isinstance(part, PurePath):
            return str(part)
        if is_dataclass(part) and not isinstance(part, type):
            return plain(asdict(part))
        if isinstance(part, Mapping):
            return {str(key): plain(each) for key, each in part.items()}
        if isinstance(part, Sequence | set | frozenset):
            return [plain(each) for each in part]
        raise ValueError(
            f"expected numbers, strings, lists and dicts, got {type(part).__name__}; "
            "turn it into those before it is written"
        )

    return plain(value), undefined
