"""What the classical models accept: finite matrices, sensible settings, covariances with volume.

All of them compute in float64 whatever they are given: sums over many points and differences of
squares lose in float32 what a likelihood needs. Outcomes return in the type that was given.
"""

import torch
from torch import Tensor

# share of a column's variance that earlier columns must leave unexplained; rounding is 1e-16
SINGULAR = 1e-13


def check_points(x: Tensor, like: Tensor | None = None) -> Tensor:
    """Return x (points, width) in float64.

    Args:
        x: the points.
        like: a fitted tensor whose last dimension is the width and whose device x must share.

    Raises:
        ValueError: x is not a matrix, is empty, is not finite, or does not fit the fitted model.
    """
    x = torch.as_tensor(x)
    if x.ndim != 2 or not x.shape[0] or not x.shape[1]:
        raise ValueError(
            f"expected points (n, width), got {tuple(x.shape)}; flatten each item into one row"
        )
    if like is not None and x.shape[1] != like.shape[-1]:
        raise ValueError(
            f"expected points of width {like.shape[-1]} as in fit, got {x.shape[1]}; "
            "give the same columns"
        )
    if like is not None and x.device != like.device:
        raise ValueError(
            f"expected points on {like.device}, where the model was fitted, got {x.device}; "
            f"move them with .to({str(like.device)!r})"
        )
    if x.is_complex():
        raise ValueError(f"expected real points, got {x.dtype}; split real and imaginary parts")
    finite = x.isfinite()
    if not finite.all():
        row, column = (~finite).nonzero()[0].tolist()
        raise ValueError(
            f"expected finite points, got {int((~finite).sum())} NaN or infinite values (the first "
            f"at row {row}, column {column}); drop or impute them"
        )
    return x.double()


def result_type(x: Tensor) -> torch.dtype:
    """Type in which outcomes return: that of x, float64 for integers."""
    dtype = torch.as_tensor(x).dtype
    return dtype if dtype.is_floating_point else torch.float64


def check_at_least(name: str, value: float, least: float) -> None:
    """Refuse a setting below its least value.

    Raises:
        ValueError: naming the setting.
    """
    if not value >= least:
        raise ValueError(f"{name} must be at least {least}, got {value}; raise it")


def require_fit(fitted: Tensor | None, name: str) -> Tensor:
    """Return a fitted attribute.

    Raises:
        ValueError: the model has not been fitted.
    """
    if fitted is None:
        raise ValueError(f"this {name} has no parameters yet; call fit(x) first")
    return fitted


def factor_covariances(covariances: Tensor, remedy: str) -> Tensor:
    """Cholesky factors of covariances that have volume.

    The square of a factor's diagonal is what the earlier columns leave unexplained of a column;
    where this is next to nothing the density is infinite or rounding noise.

    Args:
        covariances: (..., width, width).
        remedy: the end of the message: what to do.

    Returns:
        (..., width, width) lower triangular.

    Raises:
        ValueError: one is singular; the message names it and its first dependent column.
    """
    factors, failed = torch.linalg.cholesky_ex(covariances)
    unexplained = factors.diagonal(0, -2, -1).square()
    flat = unexplained <= SINGULAR * covariances.diagonal(0, -2, -1)
    if not (failed.any() or flat.any()):
        return factors
    bad = (failed > 0) | flat.any(-1)
    first = bad.reshape(-1).nonzero()[0].item()
    column = int(failed.reshape(-1)[first]) - 1
    if column < 0:
        column = int(flat.reshape(-1, flat.shape[-1])[first].nonzero()[0])
    variance = covariances.diagonal(0, -2, -1).reshape(-1, flat.shape[-1])[first, column]
    which = f" of component {first}" if covariances.ndim > 2 else ""
    why = "is constant" if variance == 0 else "follows from the columns before it"
    raise ValueError(f"the covariance{which} is singular: column {column} {why}; {remedy}")


def upper_whiteners(factors: Tensor) -> Tensor:
    """Upper triangular U with U U^T the inverse of L L^T, so that (x - mu) U is white.

    Args:
        factors: L (..., width, width), lower triangular.
    """
    identity = torch.eye(factors.shape[-1], dtype=factors.dtype, device=factors.device)
    inverse = torch.linalg.solve_triangular(factors, identity.expand_as(factors), upper=False)
    return inverse.mT.contiguous()


def standard_noise(n: int, width: int, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Standard normal draws (n, width), of the type and on the device of ``like``.

    Raises:
        ValueError: n is less than 1.
    """
    check_at_least("n", n, 1)
    device = like.device if generator is None else generator.device
    drawn = torch.randn(n, width, dtype=like.dtype, device=device, generator=generator)
    return drawn.to(like.device)
