"""Perceptrons between images and latents: the networks of Kingma & Welling 2014 and Burda et al.

Two tanh layers of 200 units are those of Burda et al. 2016 (arXiv 1509.00519, section 5).
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from tts_vae.models.image.decoder import ImageDecoder
from tts_vae.models.image.layers import (
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


class PerceptronEncoder(nn.Module):
    """Images -> features.

    Args:
        shape: [channels, height, width] of an image.
        hidden: units of every layer; the last are the features.
        classes: number of classes that the encoder also reads (the y of q(z | x, y)); 0 for none.
        activation: "tanh", "relu", "gelu" or "silu".
        parents: site -> width of the z that the encoder also reads, each (batch, width).

    Raises:
        ValueError: on an empty ``hidden``, sizes that are not positive, an unknown activation.
    """

    def __init__(
        self,
        shape: Sequence[int],
        hidden: Sequence[int] = (200, 200),
        classes: int = 0,
        activation: str = "tanh",
        parents: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        _check_hidden(hidden)
        self.shape = check_shape(shape)
        self.parents = dict(parents or {})
        self.feature_width = hidden[-1]
        channels, height, width = self.shape
        inputs = channels * height * width + sum(self.parents.values())
        self.first = nn.Linear(inputs, hidden[0])
        self.rest = _layers(hidden, activation)
        glorot(self, gain_of(activation))
        self.class_table = class_table(classes, hidden[0])

    def forward(
        self,
        images: Tensor,
        mask: Tensor | None = None,
        above: Mapping[str, Tensor] | None = None,
        *,
        condition: Tensor | None = None,
    ) -> Tensor:
        """Return features (batch, feature_width).

        Args:
            images: (batch, channels, height, width).
            mask: None; images have no padding.
            above: parent -> z (batch, width), for an encoder with parents.
            condition: (batch,) int64 class indices, for an encoder with classes.

        Raises:
            ValueError: if images, above or condition do not fit.
        """
        check_images(images, self.shape)
        inputs = images.flatten(1)
        parents = values_above(above, self.parents, steps=(0,))
        if parents:
            inputs = torch.cat([inputs, *parents], -1)
        units = self.first(inputs)
        vectors = class_vectors(self.class_table, condition, len(images))
        return self.rest(units if vectors is None else units + vectors)


class PerceptronDecoder(ImageDecoder):
    """Latents -> images; several sites are read side by side.

    Args:
        shape: [channels, height, width] of an image.
        z_widths: site -> width of its z (*samples, batch, width).
        likelihood: of the pixels.
        hidden: units of every layer, from the latents on.
        classes: number of classes that condition the decoder; 0 means none.
        label: batch attribute that holds the class.
        activation: "tanh", "relu", "gelu" or "silu".
        reads: see :class:`ImageDecoder`.

    Raises:
        ValueError: as the encoder and :class:`ImageDecoder` do.
    """

    def __init__(
        self,
        shape: Sequence[int],
        z_widths: Mapping[str, int],
        likelihood: Likelihood,
        hidden: Sequence[int] = (200, 200),
        classes: int = 0,
        label: str | None = "labels",
        activation: str = "tanh",
        reads: int | None = None,
    ) -> None:
        super().__init__(shape, z_widths, likelihood, classes, label, reads)
        _check_hidden(hidden)
        channels, height, width = self.shape
        self.first = nn.Linear(sum(self.widths_read.values()), hidden[0])
        self.rest = _layers(hidden, activation)
        self.pixels = nn.Linear(hidden[-1], channels * height * width)
        glorot(self, gain_of(activation))
        glorot(self.pixels)
        self.class_table = class_table(classes, hidden[0])

    def locations(self, values: Mapping[str, Tensor], condition: Tensor | None) -> Tensor:
        """Predict the pixels' locations; see :class:`ImageDecoder`."""
        inputs = [values[name] for name in self.z_widths]
        units = self.first(inputs[0] if len(inputs) == 1 else torch.cat(inputs, -1))
        vectors = class_vectors(self.class_table, condition, len(units))
        hidden = self.rest(units if vectors is None else units + vectors)
        return self.pixels(hidden).unflatten(-1, self.shape)

    def start_at(self, location: Tensor) -> None:
        """Set the bias of every pixel."""
        self.pixels.bias.copy_(location.flatten())


def _layers(hidden: Sequence[int], activation: str) -> nn.Sequential:
    """Activation of the first layer, then the others with theirs."""
    layers: list[nn.Module] = [activation_of(activation)]
    for before, after in zip(hidden, hidden[1:], strict=False):
        layers += [nn.Linear(before, after), activation_of(activation)]
    return nn.Sequential(*layers)


def _check_hidden(hidden: Sequence[int]) -> None:
    if not hidden or min(hidden) < 1:
        raise ValueError(f"hidden must be the units of at least one layer, got {list(hidden)}")
