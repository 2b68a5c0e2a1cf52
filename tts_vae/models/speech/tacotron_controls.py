"""What can be set at an attention decoder: frames a step, and which controls it refuses."""

from collections.abc import Sequence

from torch import Tensor


def check_controls(
    pitch_shift_st: float | Tensor,
    rate: float | Tensor,
    pitch_range: float | Tensor,
    stretch: float | Tensor,
    durations: Tensor | None,
) -> None:
    """Refuse what an attention decoder cannot do.

    Raises:
        ValueError: naming the control that is not neutral.
    """
    asked = {
        "pitch_shift_st": not _all(pitch_shift_st, 0.0),
        "rate": not _all(rate, 1.0),
        "pitch_range": not _all(pitch_range, 1.0),
        "stretch (of pauses)": not _all(stretch, 1.0),
        "durations": durations is not None,
    }
    names = ", ".join(name for name, given in asked.items() if given)
    if names:
        raise ValueError(
            f"an attention decoder decides pitch and timing itself and has no control {names}; "
            "leave it neutral, choose another style, or use a voice with decoder=parallel"
        )


def reduction_schedule(reduction: int | Sequence[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    """Pairs (training step from which on, frames a step), in order.

    Raises:
        ValueError: if they do not start at step 0, or a step would make no frame.
    """
    pairs = [(0, reduction)] if isinstance(reduction, int) else [tuple(p) for p in reduction]
    if not pairs or pairs[0][0] != 0 or any(len(p) != 2 or p[1] < 1 for p in pairs):
        raise ValueError(
            f"reduction must be frames a step, or pairs (step, frames) from step 0, got {reduction}"
        )
    return tuple(sorted((int(start), int(frames)) for start, frames in pairs))


def _all(value: float | Tensor, neutral: float) -> bool:
    return bool((value == neutral).all()) if isinstance(value, Tensor) else value == neutral
