"""Gated PixelCNN: an exact autoregressive distribution over grids of codes.

van den Oord et al. 2016, "Conditional Image Generation with PixelCNN Decoders" (arXiv 1606.05328).
p(codes) = prod p(code_i | codes before i in raster order). Two stacks share the work: the vertical
one sees all rows above, the horizontal one the codes to the left and, through a link in every
layer, the vertical one; together they see everything before a code, without the blind spot that
masked square kernels leave to its right.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tts_vae.models.categorical_codes import (
    check_codes,
    check_given,
    check_sampling,
    code_log_prob,
    draw_codes,
    without_dropout,
)
from tts_vae.models.image.raster_layers import HorizontalLayer, VerticalLayer


class GatedPixelCNN(nn.Module):
    """Distribution over (height, width) grids of codes, conditional or not.

    Each layer's bias is a linear map of what is known everywhere: the place in the grid, and where
    given a class (section 2.3 of the paper) or a grid of features from above (VQ-VAE-2's top
    level, Razavi et al. 2019, arXiv 1906.00446).

    A code further away than ``layers * (kernel_size // 2)`` rows or columns is not seen.

    Args:
        codes: size of the vocabulary.
        height: rows of the grid.
        width: columns of the grid.
        hidden: channels.
        layers: of each stack.
        kernel_size: odd.
        classes: number of classes of ``condition``; 0 for none.
        above_width: features of ``above``; 0 for none.
        dropout: probability of dropping a channel of a step; training sets of codes are small.

    Raises:
        ValueError: if a size is below its least, or the kernel is even.
    """

    def __init__(
        self,
        codes: int,
        height: int,
        width: int,
        hidden: int = 64,
        layers: int = 6,
        kernel_size: int = 3,
        classes: int = 0,
        above_width: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        sizes = {"codes": codes, "height": height, "width": width, "hidden": hidden}
        for name, size in {**sizes, "layers": layers}.items():
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}; give a positive number")
        if kernel_size < 3 or kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd and at least 3, got {kernel_size}; try 3")
        if classes < 0 or above_width < 0:
            raise ValueError(
                f"classes and above_width must be at least 0, got {classes} and {above_width}; "
                "0 means no such condition"
            )
        self.codes, self.height, self.width = codes, height, width
        self.classes, self.above_width = classes, above_width
        self.embedding = nn.Embedding(codes, hidden)
        self.place = nn.Parameter(0.02 * torch.randn(1, hidden, height, width))
        self.label = nn.Embedding(classes, hidden) if classes else None
        self.above = None
        if above_width:
            # all of it is known beforehand, so these may look in every direction
            self.above = nn.Sequential(
                nn.Conv2d(above_width, hidden, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(hidden, hidden, 3, padding=1),
            )
        self.biases = nn.ModuleList(
            nn.Conv2d(hidden, 4 * hidden, 1, bias=False) for _ in range(layers)
        )
        self.vertical = nn.ModuleList(
            VerticalLayer(hidden, kernel_size, first=i == 0) for i in range(layers)
        )
        self.horizontal = nn.ModuleList(
            HorizontalLayer(hidden, kernel_size, i == 0, dropout) for i in range(layers)
        )
        self.output = nn.Sequential(
            nn.ReLU(), nn.Conv2d(hidden, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, codes, 1)
        )

    def forward(
        self, codes: Tensor, condition: Tensor | None = None, above: Tensor | None = None
    ) -> Tensor:
        """Logits of every code given those before it in raster order.

        Args:
            codes: (batch, height, width) int64.
            condition: (batch,) int64 class indices.
            above: (batch, rows, columns, above_width), rows and columns dividing the grid's.

        Returns:
            (batch, height, width, codes).

        Raises:
            ValueError: if a shape or an index does not fit, or a condition is missing or too many.
        """
        if codes.ndim != 3 or codes.shape[1:] != (self.height, self.width):
            raise ValueError(
                f"codes must be (batch, {self.height}, {self.width}), got {tuple(codes.shape)}; "
                "give height and width of the code grid to GatedPixelCNN"
            )
        check_codes(codes, self.codes)
        biases = self._layer_biases(len(codes), condition, above)
        embedded = self._embed(codes)
        return self._logits(embedded, self._links(embedded, biases), biases)

    def log_prob(
        self, codes: Tensor, condition: Tensor | None = None, above: Tensor | None = None
    ) -> Tensor:
        """Log p(codes | condition), (batch,) nats; arguments and errors as :meth:`forward`."""
        return code_log_prob(self(codes, condition, above), codes)

    @torch.no_grad()
    def sample(
        self,
        n: int,
        condition: Tensor | None = None,
        above: Tensor | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw grids, code by code.

        The vertical stack runs once per row, the horizontal one on the row alone.

        Args:
            n: number of grids.
            condition: (n,) int64 class indices.
            above: (n, rows, columns, above_width).
            temperature: divides the logits; 0 takes the likeliest code each time.
            top_k: draw from the k likeliest codes alone.
            generator: source of randomness; None is torch's global one.

        Returns:
            (n, height, width) int64.

        Raises:
            ValueError: as :meth:`forward`, or if n, temperature or top_k make no sense.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}; it is the number of grids to draw")
        check_sampling(temperature, top_k)
        with without_dropout(self):
            biases = self._layer_biases(n, condition, above)
            codes = torch.zeros(
                n, self.height, self.width, dtype=torch.int64, device=self.place.device
            )
            for row in range(self.height):
                seen = [bias[..., : row + 1, :] for bias in biases]
                links = self._links(self._embed(codes[:, : row + 1]), seen)
                links = [link[..., row:, :] for link in links]
                here = [bias[..., row:, :] for bias in seen]
                for column in range(self.width):
                    logits = self._logits(self._embed(codes[:, row : row + 1]), links, here)
                    codes[:, row, column] = draw_codes(
                        logits[:, 0, column], temperature, top_k, generator
                    )
        return codes

    def _embed(self, codes: Tensor) -> Tensor:
        return self.embedding(codes).permute(0, 3, 1, 2)

    def _links(self, embedded: Tensor, biases: list[Tensor]) -> list[Tensor]:
        """What each vertical layer tells its horizontal one: of the rows above alone."""
        x, links = embedded, []
        for layer, bias in zip(self.vertical, biases, strict=True):
            x, link = layer(x, bias.chunk(2, 1)[0])
            links.append(link)
        return links

    def _logits(self, embedded: Tensor, links: list[Tensor], biases: list[Tensor]) -> Tensor:
        """The horizontal stack and the output, (batch, rows, columns, codes)."""
        x = embedded
        for layer, link, bias in zip(self.horizontal, links, biases, strict=True):
            x = layer(x, link, bias.chunk(2, 1)[1])
        return self.output(x).permute(0, 2, 3, 1)

    def _layer_biases(self, n: int, condition: Tensor | None, above: Tensor | None) -> list[Tensor]:
        """Per layer (n or 1, 4 hidden, height, width): for the vertical and the horizontal stack.

        The map is linear, so that parts known at fewer places are mapped there and broadcast.
        """
        parts: list[Tensor] = [self.place]
        check_given("condition", condition, "classes", self.classes)
        check_given("above", above, "above_width", self.above_width)
        if condition is not None and self.label is not None:
            if condition.shape != (n,):
                raise ValueError(
                    f"condition must be ({n},), got {tuple(condition.shape)}; one class per grid"
                )
            check_codes(condition, self.classes, "condition")
            parts.append(self.label(condition)[:, :, None, None])
        if above is not None and self.above is not None:
            parts.append(self.above(self._enlarge(above, n)))
        return [sum((conv(part) for part in parts[1:]), conv(parts[0])) for conv in self.biases]

    def _enlarge(self, above: Tensor, n: int) -> Tensor:
        """(n, rows, columns, above_width) -> (n, above_width, height, width), by repetition."""
        fits = above.ndim == 4 and len(above) == n and above.shape[-1] == self.above_width
        if not fits or self.height % above.shape[1] or self.width % above.shape[2]:
            raise ValueError(
                f"above must be ({n}, rows, columns, {self.above_width}) with rows and columns "
                f"that divide {self.height} and {self.width}, got {tuple(above.shape)}; resize it"
            )
        above = above.permute(0, 3, 1, 2).to(self.place)
        return F.interpolate(above, (self.height, self.width), mode="nearest")
