"""What perceptrons and convolutional networks share: checks, activations, starts, classes."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


def activation_of(name: str) -> nn.Module:
    """Return the activation.

    Raises:
        ValueError: if there is no such activation.
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {name!r}")
    return ACTIVATIONS[name]()


def check_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """Return (channels, height, width) of an image.

    Raises:
        ValueError: unless these are three positive numbers.
    """
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"shape must be [channels, height, width], positive, got {list(shape)}")
    return shape[0], shape[1], shape[2]


def check_images(images: Tensor, shape: tuple[int, int, int]) -> None:
    """Raise ValueError unless ``images`` are (batch, channels, height, width) of this shape."""
    if images.ndim != 4 or tuple(images.shape[1:]) != shape:
        raise ValueError(
            f"images must be (batch, {', '.join(map(str, shape))}), got {tuple(images.shape)}; "
            "set shape to that of the corpus"
        )


def values_above(
    above: Mapping[str, Tensor] | None, parents: Mapping[str, int], steps: Sequence[int]
) -> list[Tensor]:
    """Return the parents' z in the order of ``parents``.

    Args:
        above: parent -> z (batch, *steps, width); None is none.
        parents: parent -> width.
        steps: numbers of step dimensions that the network can read.

    Raises:
        ValueError: if other parents, widths or steps are given.
    """
    if set(above or {}) != set(parents):
        raise ValueError(f"above must be z of {sorted(parents)}, got {sorted(above or {})}")
    found = []
    for name, width in parents.items():
        z = (above or {})[name]
        if z.ndim - 2 not in steps or z.shape[-1] != width:
            raise ValueError(
                f"z of the parent {name!r} must be (batch, {width})"
                f"{' or (batch, height, width, ' + str(width) + ')' if 2 in steps else ''}, "
                f"got {tuple(z.shape)}; see parents="
            )
        found.append(z)
    return found


@torch.no_grad()
def glorot(network: nn.Module, gain: float = 1.0) -> None:
    """Start every linear and convolutional layer as Glorot & Bengio 2010 (eq. 16), biases at 0.

    Args:
        network: its layers are set in place.
        gain: 1 for tanh and for outputs; sqrt 2 for halves of lines such as ReLU.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(layer.weight, gain)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def gain_of(activation: str) -> float:
    """Gain that keeps the variance of signals through this activation."""
    return 1.0 if activation == "tanh" else math.sqrt(2)


def class_table(classes: int, width: int) -> nn.Embedding | None:
    """A vector for each class, added to hidden units; None without classes.

    It is the linear layer of a one-hot label beside the input, without the multiplications by 0.

    Raises:
        ValueError: for negative classes.
    """
    if classes < 0:
        raise ValueError(f"classes must be at least 0, got {classes}; 0 means unconditional")
    if not classes:
        return None
    table = nn.Embedding(classes, width)
    nn.init.normal_(table.weight, std=0.1)
    return table


def class_vectors(
    table: nn.Embedding | None, condition: Tensor | None, examples: int
) -> Tensor | None:
    """Vectors (examples, width) of the classes.

    Args:
        table: of :func:`class_table`.
        condition: (examples,) int64 class indices, or None.
        examples: how many there must be.

    Raises:
        ValueError: if a condition is missing, unexpected, of another shape or no class.
    """
    if table is None:
        if condition is not None:
            raise ValueError(
                "this network has no classes but got a condition; set classes=, or remove it"
            )
        return None
    if condition is None:
        raise ValueError(f"expected a condition, one of {table.num_embeddings} classes, got none")
    if condition.shape != (examples,) or condition.dtype != torch.int64:
        raise ValueError(
            f"condition must be int64 class indices (batch,) = ({examples},), "
            f"got {condition.dtype} {tuple(condition.shape)}"
        )
    on_host = condition.device.type == "cpu"  # a range check elsewhere would stall the device
    if on_host and examples:
        low, high = int(condition.min()), int(condition.max())
        if low < 0 or high >= table.num_embeddings:
            raise ValueError(
                f"condition holds class {low if low < 0 else high}; "
                f"valid: 0 to {table.num_embeddings - 1}"
            )
    return table(condition)


class ResidualBlock(nn.Module):
    """x + conv1x1(act(conv3x3(act(x)))), the block of VQ-VAE (van den Oord et al. 2017, sec. 4.1).

    Args:
        channels: of input and output, (batch, channels, height, width).
        activation: name of the nonlinearity.
    """

    def __init__(self, channels: int, activation: str = "relu") -> None:
        super().__init__()
        self.body = nn.Sequential(
            activation_of(activation),
            nn.Conv2d(channels, channels, 3, padding=1),
            activation_of(activation),
            nn.Conv2d(channels, channels, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the same shape."""
        return images + self.body(images)
