"""The filters that made the mels: spectrum to mels, and what mels say back to a spectrum."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class MelFilters(nn.Module):
    """Constants of the analysis, told once by :meth:`use`; no weights, so no state_dict holds them.

    Args:
        n_mels: mel bands.
        bins: of a spectrum, n_fft // 2 + 1.
    """

    basis: Tensor
    inverse: Tensor
    spread: Tensor

    def __init__(self, n_mels: int, bins: int) -> None:
        super().__init__()
        self.known, self.covered = False, bins
        self.register_buffer("basis", torch.zeros(n_mels, bins), persistent=False)
        self.register_buffer("inverse", torch.zeros(bins, n_mels), persistent=False)
        self.register_buffer("spread", torch.zeros(n_mels, bins), persistent=False)

    def use(self, basis: Tensor) -> None:
        """Take the filters.

        Args:
            basis: (n_mels, bins), magnitude to mel.

        Raises:
            ValueError: if the shape is not as expected.
        """
        if basis.shape != self.basis.shape:
            raise ValueError(
                f"expected a mel basis {tuple(self.basis.shape)}, got {tuple(basis.shape)}; "
                "build the vocoder with the n_mels and n_fft of the analysis"
            )
        self.basis.copy_(basis)
        self.inverse.copy_(torch.linalg.pinv(basis.double()))
        # shares of the bands in every bin; a bin of none (above fmax) follows the nearest band
        heard = (basis.sum(0) > 0).nonzero().flatten()
        nearest = torch.arange(basis.shape[1]).clamp(int(heard[0]), int(heard[-1]))
        self.spread.copy_((basis / basis.sum(0).clamp(min=1e-12))[:, nearest])
        self.known, self.covered = True, int(heard[-1]) + 1

    def to_bfloat16(self) -> None:
        """Filter and spread in bfloat16: some thousandths of a mel or a gain."""
        self.basis, self.spread = self.basis.bfloat16(), self.spread.bfloat16()

    def mels(self, spectrum: Tensor) -> Tensor:
        """Complex spectrum (..., bins) -> mel magnitudes (..., n_mels), above 0."""
        squares = torch.view_as_real(spectrum)[..., : self.covered, :].square()
        magnitudes = (squares[..., 0] + squares[..., 1]).add_(1e-12).sqrt_()
        basis = self.basis[:, : self.covered]
        return functional.linear(magnitudes.to(basis.dtype), basis).float()

    def gains(self, bands: Tensor) -> Tensor:
        """What bins get of something that every band has, (..., n_mels) -> (..., bins)."""
        return (bands.to(self.spread.dtype) @ self.spread).float()

    def gains_heard(self, bands: Tensor) -> Tensor:
        """As :meth:`gains`, of the ``covered`` bins that some band has."""
        return (bands.to(self.spread.dtype) @ self.spread[:, : self.covered]).float()

    def magnitudes(self, mels: Tensor) -> Tensor:
        """The spectrum of least squares with mel magnitudes (..., n_mels); it may be below 0."""
        return functional.linear(mels, self.inverse)
