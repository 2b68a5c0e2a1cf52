"""What every image decoder shares: sites joined, draws folded into the batch, pixels scored.

p(x | z) = prod over pixels of a likelihood about a location that the network predicts.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from tts_vae.models.image.layers import check_images, check_shape
from tts_vae.models.likelihoods import Likelihood


class ImageTargets(Protocol):
    """What a decoder needs to know of a batch: images (batch, channels, height, width)."""

    @property
    def images(self) -> Tensor: ...  # noqa: D102


class MeanImages(Mapping[str, Tensor]):
    """{"pixels": mean images}, computed when asked for: training never pays for them.

    Args:
        likelihood: of the pixels.
        locations: (*samples, batch, channels, height, width).
    """

    def __init__(self, likelihood: Likelihood, locations: Tensor) -> None:
        self._likelihood = likelihood
        self._locations = locations.detach()

    def __getitem__(self, name: str) -> Tensor:
        """Return the mean images (*samples, batch, channels, height, width)."""
        if name != "pixels":
            raise KeyError(name)
        with torch.no_grad():
            return self._likelihood.mean(self._locations)

    def __iter__(self) -> Iterator[str]:
        """Yield the one name."""
        yield "pixels"

    def __len__(self) -> int:
        """One."""
        return 1


class ImageDecoder(nn.Module, ABC):
    """Sites -> pixels; a subclass is the network between.

    Args:
        shape: [channels, height, width] of an image.
        z_widths: site -> width of its z.
        likelihood: of the pixels.
        classes: number of classes that condition the decoder; 0 means none.
        label: batch attribute that holds the class (batch,); read only with classes.
        reads: how many leading columns of z the decoder sees: the layer nearest the pixels, where
            one site holds a whole chain (Burda et al. 2016, section 5). None means all.
        grids: sites whose z has steps (height, width); others have none.

    Raises:
        ValueError: on widths that are not positive, unknown grids, or ``reads`` that is not within
            the width of the only site.
    """

    def __init__(
        self,
        shape: Sequence[int],
        z_widths: Mapping[str, int],
        likelihood: Likelihood,
        classes: int = 0,
        label: str | None = "labels",
        reads: int | None = None,
        grids: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.shape = check_shape(shape)
        if not z_widths or min(z_widths.values()) < 1:
            raise ValueError(f"z_widths must name a site and its width, got {dict(z_widths)}")
        unknown = sorted(set(grids) - set(z_widths))
        if unknown:
            raise ValueError(f"grids names unknown sites {unknown}; valid: {sorted(z_widths)}")
        if reads is not None and (len(z_widths) > 1 or not 1 <= reads <= max(z_widths.values())):
            raise ValueError(
                "reads must be columns of the only site: expected 1 to its width of "
                f"z_widths {dict(z_widths)}, got {reads}"
            )
        if classes and not label:
            raise ValueError(f"{classes} classes need label, the batch attribute that holds them")
        self.z_widths = dict(z_widths)
        self.likelihood = likelihood
        self.classes = classes
        self.label = label
        self.reads = reads
        self.grids = tuple(grids)

    @property
    def widths_read(self) -> dict[str, int]:
        """Columns of every site that the network sees."""
        return {name: self.reads or width for name, width in self.z_widths.items()}

    @abstractmethod
    def locations(self, values: Mapping[str, Tensor], condition: Tensor | None) -> Tensor:
        """Predict the pixels' locations.

        Args:
            values: site -> (n, *steps, columns read).
            condition: (n,) int64 class indices, or None.

        Returns:
            (n, channels, height, width).
        """

    @abstractmethod
    def start_at(self, location: Tensor) -> None:
        """Set the output's bias; ``location`` (channels, height, width) is that of the mean."""

    def forward(
        self, batch: ImageTargets, values: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], Mapping[str, Tensor]]:
        """Score the images of a batch.

        Args:
            batch: images (batch, channels, height, width), and labels where conditional.
            values: site -> z (*samples, batch, *steps, width).

        Returns:
            Terms {"pixels": (*samples, batch) nats} and predictions {"pixels": mean images}.

        Raises:
            ValueError: if values or images do not fit.
        """
        check_images(batch.images, self.shape)
        condition = getattr(batch, self.label) if self.classes and self.label else None
        locations = self._decode(values, condition)
        if locations.shape[-4] != len(batch.images):
            raise ValueError(
                f"z is of {locations.shape[-4]} examples but the batch has {len(batch.images)}"
            )
        log_prob = self.likelihood.log_prob(locations, batch.images)
        return {"pixels": log_prob.sum((-3, -2, -1))}, MeanImages(self.likelihood, locations)

    def errors(self, batch: ImageTargets, predictions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Mean squared error of the mean images."""
        return {"mse": (predictions["pixels"] - batch.images).square().mean()}

    def generate(self, values: Mapping[str, Tensor], condition: Tensor | None = None) -> Tensor:
        """Return the mean images (*samples, n, channels, height, width) of given z.

        Args:
            values: site -> z (*samples, n, *steps, width).
            condition: (n,) int64 class indices, where the decoder has classes.

        Raises:
            ValueError: if values or condition do not fit.
        """
        return self.likelihood.mean(self._decode(values, condition))

    def fit_statistics(self, batches: Sequence[Any]) -> None:
        """Start the output at the mean image (Burda et al. 2016, section 5).

        Args:
            batches: batches of training images; one of the whole split is best.

        Raises:
            ValueError: if there are none.
        """
        if not batches:
            raise ValueError("fit_statistics needs at least one batch of images, got none")
        count = sum(len(batch.images) for batch in batches)
        mean = torch.stack([batch.images.double().sum(0) for batch in batches]).sum(0) / count
        with torch.no_grad():
            self.start_at(self.likelihood.location_of(mean.float()))

    def _decode(self, values: Mapping[str, Tensor], condition: Tensor | None) -> Tensor:
        """Locations (*samples, n, channels, height, width): all draws in one call."""
        if set(values) != set(self.z_widths):
            raise ValueError(f"values must be of {sorted(self.z_widths)}, got {sorted(values)}")
        flat, leads = {}, {}
        for name, width in self.z_widths.items():
            z, steps = values[name], 2 * (name in self.grids)
            if z.ndim < steps + 2 or z.shape[-1] != width:
                kind = "height, width, " if steps else ""
                raise ValueError(
                    f"z of {name!r} must be (*samples, batch, {kind}{width}), got {tuple(z.shape)}"
                )
            leads[name] = z.shape[: z.ndim - steps - 1]
            if self.reads is not None:
                z = z[..., : self.reads]
            flat[name] = z.flatten(0, z.ndim - steps - 2)
        lead = next(iter(leads.values()))
        if any(other != lead for other in leads.values()):
            raise ValueError(
                "sites must have the same draws and examples, got "
                + ", ".join(f"{name}: {tuple(shape)}" for name, shape in leads.items())
            )
        if condition is not None:
            if condition.shape != lead[-1:]:
                raise ValueError(
                    f"condition must be (batch,) = ({lead[-1]},), got {tuple(condition.shape)}"
                )
            condition = condition.expand(lead).flatten()
        locations = self.locations(flat, condition)
        return locations if len(lead) == 1 else locations.unflatten(0, lead)
