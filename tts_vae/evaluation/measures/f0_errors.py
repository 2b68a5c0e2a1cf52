"""Errors of one F0 track against another: GPE, VDE, FFE, log-F0 RMSE and correlation.

Two clips of one text differ in length, so frames are paired first: along a DTW path (of cepstra:
``cepstral_distance.warping_path``, on the same hop) or, without one, by padding the shorter track
with unvoiced frames. Which of the two is stated in the result.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

GROSS_SHARE = 0.2
"""A pitch further off than this share of the reference is a gross error."""


@dataclass(frozen=True)
class F0Errors:
    """A track against its reference; NaN where the denominator is 0.

    Attributes:
        gpe: share of the frames voiced in both whose F0 is more than 20 % off (Nakatani 2008).
        vde: share of all frames whose voicing differs (Nakatani 2008).
        ffe: share of all frames with either error (Chu & Alwan 2009).
        log_f0_rmse: root mean square difference of ln F0 over frames voiced in both; 0.0578 is a
            semitone.
        log_f0_correlation: Pearson's, of ln F0 over the same; NaN where either never changes.
        frames: pairs of frames.
        both_voiced: pairs voiced in both.
        pairing: "dtw" or "padding".
    """

    gpe: float
    vde: float
    ffe: float
    log_f0_rmse: float
    log_f0_correlation: float
    frames: int
    both_voiced: int
    pairing: str

    def summary(self) -> dict[str, Any]:
        """Plain numbers for a metrics file."""
        return asdict(self)


def f0_errors(
    reference_hz: ArrayLike, realised_hz: ArrayLike, path: ArrayLike | None = None
) -> F0Errors:
    """Compare two tracks of one hop.

    Args:
        reference_hz: (frames,) 0 or NaN where unvoiced.
        realised_hz: (other frames,) the same.
        path: (steps, 2) indices into the reference and the realised track, such as
            ``warping_path`` gives; None pads the shorter track with unvoiced frames.

    Raises:
        ValueError: a track is not one-dimensional, or the path is none into these tracks.
    """
    reference, realised = _track(reference_hz, "reference"), _track(realised_hz, "realised")
    if path is None:
        frames = max(len(reference), len(realised))
        reference = np.pad(reference, (0, frames - len(reference)))
        realised = np.pad(realised, (0, frames - len(realised)))
    else:
        steps = _steps(path, len(reference), len(realised))
        reference, realised = reference[steps[:, 0]], realised[steps[:, 1]]
    voiced, spoken = reference > 0, realised > 0
    both = voiced & spoken
    gross = np.abs(realised[both] - reference[both]) > GROSS_SHARE * reference[both]
    differs = int((voiced != spoken).sum())
    frames, shared = len(reference), int(both.sum())
    ours, theirs = np.log(realised[both]), np.log(reference[both])
    nan = float("nan")
    return F0Errors(
        gpe=float(gross.mean()) if shared else nan,
        vde=differs / frames if frames else nan,
        ffe=(differs + int(gross.sum())) / frames if frames else nan,
        log_f0_rmse=float(np.sqrt(np.mean((ours - theirs) ** 2))) if shared else nan,
        log_f0_correlation=_correlation(ours, theirs),
        frames=frames,
        both_voiced=shared,
        pairing="padding" if path is None else "dtw",
    )


def _track(hz: ArrayLike, name: str) -> NDArray[np.float64]:
    track = np.nan_to_num(np.asarray(hz, dtype=np.float64))
    if track.ndim != 1:
        raise ValueError(
            f"expected a {name} track (frames,), got shape {track.shape}; give one utterance"
        )
    return np.maximum(track, 0.0)


def _steps(path: ArrayLike, reference: int, realised: int) -> NDArray[np.int64]:
    steps = np.asarray(path)
    if steps.ndim != 2 or steps.shape[1] != 2 or steps.dtype.kind not in "iu":
        raise ValueError(
            f"expected a path (steps, 2) of frame numbers, got {steps.dtype} {steps.shape}; "
            "make it with warping_path"
        )
    if len(steps) and (steps.min() < 0 or (steps.max(0) >= (reference, realised)).any()):
        raise ValueError(
            f"expected a path within {reference} and {realised} frames, got up to "
            f"{steps.max(0).tolist()}; compute cepstra and F0 on one hop"
        )
    return steps.astype(np.int64)


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    # rounding in the mean leaves a constant track some 1e-16 of its value
    if len(first) < 2 or first.std() < 1e-9 or second.std() < 1e-9:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
