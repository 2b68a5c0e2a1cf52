"""Several styles within one text, one after another: how a style changes in mid-sentence."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tts_vae.synthesis.controls import CONTROLS, Control, same
from tts_vae.synthesis.style import Style


def along(pieces: Sequence[tuple[Style, int]]) -> Style:
    """One style after another within one text.

    Args:
        pieces: (style, phones it lasts), in order; styles of one voice without numbers for each
            phone, or with as many as it lasts.

    Returns:
        A style that has numbers for each phone where the pieces differ, and only there.

    Raises:
        ValueError: if there is no piece, or they belong to different voices.
    """
    if not pieces or any(count < 1 or style.phones not in (None, count) for style, count in pieces):
        raise ValueError(
            "expected styles with the phones that each lasts, got "
            f"{[(style.phones, count) for style, count in pieces]} (own phones, asked phones); "
            "give at least one, each of 1 phone or more"
        )
    first, _ = pieces[0]
    for style, _ in pieces[1:]:
        first.check_same_voice(style)
    controls: dict[str, Any] = {
        name: _row([(style.controls[name], count) for style, count in pieces]) for name in CONTROLS
    }
    values = {}
    for site, value in first.values.items():
        each = [(style.values[site], count) for style, count in pieces]
        if value.dim() == 1 and all(torch.equal(value, other) for other, _ in each):
            values[site] = value
        else:
            values[site] = torch.cat([v.expand(count, v.shape[-1]) for v, count in each])
    label = " then ".join(f"({style})" for style in dict.fromkeys(map(str, (p[0] for p in pieces))))
    return Style(values, label=label, **controls)


def _row(each: Sequence[tuple[Control, int]]) -> Control:
    first = each[0][0]
    if not isinstance(first, Tensor) and all(same(first, other) for other, _ in each):
        return first
    return torch.cat([torch.as_tensor(c, dtype=torch.float32).expand(count) for c, count in each])
