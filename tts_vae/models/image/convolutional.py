"""Convolutional networks between images and latents, one vector or a grid of them.

The grid form is that of VQ-VAE (van den Oord et al. 2017, arXiv 1711.00937, section 4.1): strided
convolutions, then residual blocks. VQ-VAE-2 (Razavi et al. 2019, arXiv 1906.00446) is a site with a
parent: its encoder reads the image and the coarser site's z, its decoder both.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from tts_vae.models.image.decoder import ImageDecoder
from tts_vae.models.image.layers import (
    ResidualBlock,
    activation_of,
    check_images,
    check_shape,
    class_table,
    class_vectors,
    gain_of,
    glorot,
    values_above,
)
from tts_vae.models.likelihoods import Likelihood


class ConvEncoder(nn.Module):
    """Images -> one vector of features, or a grid of them.

    Args:
        shape: [channels, height, width] of an image.
        channels: of every strided stage; the last are those of the grid.
        strides: of every stage; None means 2 each. They must divide the image: 28 x 28 gives 7 x 7
            with [2, 2], 8 x 8 gives 4 x 4 with [2]. A stride of 1 keeps the size.
        blocks: residual blocks after the stages.
        output: "vector" (batch, feature_width) or "grid" (batch, height, width, channels[-1]).
        feature_width: of the vector; None means channels[-1].
        classes: number of classes that the encoder also reads; 0 for none.
        activation: "relu", "gelu", "silu" or "tanh".
        parents: site -> width of the z that the encoder also reads: (batch, width), or a grid that
            is repeated to this one's size.

    Raises:
        ValueError: on sizes that do not fit, or an unknown output or activation.
    """

    def __init__(
        self,
        shape: Sequence[int],
        channels: Sequence[int] = (32, 64),
        strides: Sequence[int] | None = None,
        blocks: int = 2,
        output: Literal["vector", "grid"] = "vector",
        feature_width: int | None = None,
        classes: int = 0,
        activation: str = "relu",
        parents: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        self.shape = check_shape(shape)
        strides = _strides(channels, strides)
        self.grid = _grid(self.shape, strides)
        if output not in ("vector", "grid"):
            raise ValueError(f'output must be "vector" or "grid", got {output!r}')
        if output == "grid" and feature_width not in (None, channels[-1]):
            raise ValueError(
                f"a grid has the features of the last stage, {channels[-1]}, got feature_width "
                f"{feature_width}; change channels"
            )
        self.output = output
        self.feature_width = feature_width or channels[-1]
        self.parents = dict(parents or {})
        stages: list[nn.Module] = []
        before = self.shape[0]
        for after, stride in zip(channels, strides, strict=True):
            kernel, padding = _kernel(stride)
            stages += [activation_of(activation)] if stages else []
            stages.append(nn.Conv2d(before, after, kernel, stride, padding))
            before = after
        self.stages = nn.Sequential(*stages)
        self.join = None
        if self.parents:
            self.join = nn.Sequential(
                activation_of(activation),
                nn.Conv2d(before + sum(self.parents.values()), before, 3, padding=1),
            )
        tail: list[nn.Module] = [ResidualBlock(before, activation) for _ in range(blocks)]
        tail.append(activation_of(activation))
        if output == "vector":
            units = before * self.grid[0] * self.grid[1]
            tail += [nn.Flatten(), nn.Linear(units, self.feature_width), activation_of(activation)]
        self.tail = nn.Sequential(*tail)
        glorot(self, gain_of(activation))
        self.class_table = class_table(classes, before)

    def forward(
        self,
        images: Tensor,
        mask: Tensor | None = None,
        above: Mapping[str, Tensor] | None = None,
        *,
        condition: Tensor | None = None,
    ) -> Tensor:
        """Return features (batch, feature_width) or (batch, height, width, feature_width).

        Args:
            images: (batch, channels, height, width).
            mask: None; images have no padding.
            above: parent -> z (batch, *steps, width), for an encoder with parents.
            condition: (batch,) int64 class indices, for an encoder with classes.

        Raises:
            ValueError: if images, above or condition do not fit.
        """
        check_images(images, self.shape)
        parents = values_above(above, self.parents, steps=(0, 2))
        maps = self.stages(images)
        if self.join is not None:
            maps = self.join(torch.cat([maps, *(_maps(z, self.grid) for z in parents)], 1))
        vectors = class_vectors(self.class_table, condition, len(images))
        features = self.tail(maps if vectors is None else maps + vectors[..., None, None])
        return features if self.output == "vector" else features.permute(0, 2, 3, 1)


class ConvDecoder(ImageDecoder):
    """Latents -> images: vectors and grids joined on the finest grid, then grown to the image.

    Args:
        shape: [channels, height, width] of an image.
        z_widths: site -> width of its z.
        likelihood: of the pixels.
        channels: of every stage, from the latents on: the encoder's, reversed.
        strides: factor by which every stage grows the image; None means 2 each.
        blocks: residual blocks before the stages.
        classes: number of classes that condition the decoder; 0 means none.
        label: batch attribute that holds the class.
        activation: "relu", "gelu", "silu" or "tanh".
        grids: sites whose z is a grid (*samples, batch, height, width, width of z); coarse ones are
            repeated to the finest, image / strides. The others are vectors.
        reads: see :class:`ImageDecoder`.

    Raises:
        ValueError: on sizes that do not fit, or an unknown activation.
    """

    def __init__(
        self,
        shape: Sequence[int],
        z_widths: Mapping[str, int],
        likelihood: Likelihood,
        channels: Sequence[int] = (64, 32),
        strides: Sequence[int] | None = None,
        blocks: int = 2,
        classes: int = 0,
        label: str | None = "labels",
        activation: str = "relu",
        grids: Sequence[str] = (),
        reads: int | None = None,
    ) -> None:
        super().__init__(shape, z_widths, likelihood, classes, label, reads, grids)
        strides = _strides(channels, strides)
        self.grid = _grid(self.shape, strides)
        widths = self.widths_read
        vectors = sum(width for name, width in widths.items() if name not in self.grids)
        cells = sum(widths[name] for name in self.grids)
        area = self.grid[0] * self.grid[1]
        self.from_vectors = nn.Linear(vectors, channels[0] * area) if vectors else None
        self.from_grids = nn.Conv2d(cells, channels[0], 3, padding=1) if cells else None
        stages: list[nn.Module] = [ResidualBlock(channels[0], activation) for _ in range(blocks)]
        outputs = (*channels[1:], self.shape[0])
        for before, after, stride in zip(channels, outputs, strides, strict=True):
            kernel, padding = _kernel(stride)
            stages += [
                activation_of(activation),
                nn.ConvTranspose2d(before, after, kernel, stride, padding),
            ]
        self.stages = nn.Sequential(*stages)
        glorot(self, gain_of(activation))
        glorot(stages[-1])
        self.class_table = class_table(classes, channels[0])

    def locations(self, values: Mapping[str, Tensor], condition: Tensor | None) -> Tensor:
        """Predict the pixels' locations; see :class:`ImageDecoder`."""
        parts = []
        if self.from_vectors is not None:
            flat = [values[name] for name in self.z_widths if name not in self.grids]
            joined = flat[0] if len(flat) == 1 else torch.cat(flat, -1)
            parts.append(self.from_vectors(joined).unflatten(-1, (-1, *self.grid)))
        if self.from_grids is not None:
            maps = [_maps(values[name], self.grid) for name in self.grids]
            parts.append(self.from_grids(maps[0] if len(maps) == 1 else torch.cat(maps, 1)))
        hidden = parts[0] if len(parts) == 1 else parts[0] + parts[1]
        vectors = class_vectors(self.class_table, condition, len(hidden))
        return self.stages(hidden if vectors is None else hidden + vectors[..., None, None])

    def start_at(self, location: Tensor) -> None:
        """Set the bias of every channel: one number for all its pixels."""
        bias = self.stages[-1].bias
        assert isinstance(bias, Tensor)
        bias.copy_(location.mean((1, 2)))


def _maps(z: Tensor, grid: tuple[int, int]) -> Tensor:
    """(n, *steps, width) -> (n, width, *grid): repeated to the size of the grid.

    Raises:
        ValueError: if the steps do not divide the grid.
    """
    if z.ndim == 2:
        return z[..., None, None].expand(-1, -1, *grid)
    maps = z.permute(0, 3, 1, 2)
    height, width = maps.shape[-2:]
    if (height, width) == grid:
        return maps
    if grid[0] % height or grid[1] % width:
        raise ValueError(
            f"a grid of {height} x {width} codes cannot be repeated to {grid[0]} x {grid[1]}; "
            "choose strides whose grids divide each other"
        )
    return interpolate(maps, size=grid, mode="nearest")


def _strides(channels: Sequence[int], strides: Sequence[int] | None) -> tuple[int, ...]:
    if not channels or min(channels) < 1:
        raise ValueError(f"channels must be those of at least one stage, got {list(channels)}")
    chosen = tuple(strides) if strides is not None else (2,) * len(channels)
    if len(chosen) != len(channels) or min(chosen) < 1:
        raise ValueError(
            f"strides must be positive, one for each of {len(channels)} stages, got {list(chosen)}"
        )
    return chosen


def _grid(shape: tuple[int, int, int], strides: Sequence[int]) -> tuple[int, int]:
    height, width = shape[1:]
    for stride in strides:
        if height % stride or width % stride:
            raise ValueError(
                f"strides {list(strides)} do not divide {shape[1]} x {shape[2]} pixels "
                f"(stage of {height} x {width}); choose others"
            )
        height, width = height // stride, width // stride
    return height, width


def _kernel(stride: int) -> tuple[int, int]:
    """Kernel and padding that divide a size by the stride exactly."""
    if stride == 1:
        return 3, 1
    return (2 * stride, stride // 2) if stride % 2 == 0 else (stride, 0)
