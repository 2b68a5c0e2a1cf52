"""Pictures of an image model: what it reconstructs, draws, and does along its latent dimensions."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from tts_vae.evaluation.pages.listening_figures import save_png
from tts_vae.models.latent_model import LatentModel
from tts_vae.training.image_data import ImageData

MANIFOLD_SIDE = 15
TRAVERSAL_STEPS = 9


@torch.no_grad()
def draw_figures(
    model: LatentModel,
    data: ImageData,
    folder: Path,
    drawn: Mapping[str, Tensor] | None = None,
    seed: int = 0,
) -> list[Path]:
    """Write the pictures that make sense for a model.

    Args:
        model: in evaluation mode.
        data: the images.
        folder: where to.
        drawn: name -> images (n, channels, height, width) drawn from priors over codes.
        seed: of the draws.

    Returns:
        The files: reconstructions, samples, manifold (two dimensions), traversals, centres
        (components), codes (usage).
    """
    torch.manual_seed(seed)
    batch = next(iter(data.val_dataloader()))
    output = model(batch, mode="mean")
    count = min(10, len(batch.images))
    pairs = torch.cat([batch.images[:count], output.predictions["pixels"][:count]])
    figures = {"reconstructions": sheet(pairs, count, "above: test images; below: their decoding")}
    for name, images in (drawn or {}).items():
        figures[name] = sheet(images[:100], 10, name.replace("_", " "))
    name, latent = next(iter(model.sites.items()))
    found = output.sites[name]
    if len(model.sites) == 1 and found.codes is None:
        figures |= _continuous(model, name, batch.labels, found.z, seed)
    for site, each in output.sites.items():
        if each.codes is not None:
            codes = torch.cat(
                [model(b, mode="mean").sites[site].codes for b in data.val_dataloader()]
            )
            figures[f"codes_{site}"] = usage(codes, model.sites[site].components, site)
    return [save_png(figure, folder / f"{name}.png") for name, figure in figures.items()]


def _continuous(
    model: LatentModel, site: str, labels: Tensor, z: Tensor, seed: int
) -> dict[str, Figure]:
    """Samples, centres, traversals and the manifold of a model with one vector of z."""
    latent, decoder = model.sites[site], model.decoder
    classes = getattr(decoder, "classes", 0)
    generator = torch.Generator().manual_seed(seed)
    figures: dict[str, Figure] = {}

    def decode(values: Tensor, condition: Tensor | None = None) -> Tensor:
        if classes and condition is None:
            condition = torch.zeros(len(values), dtype=torch.int64)
        return decoder.generate({site: values}, condition)  # type: ignore[operator]

    if latent.prior((1,), torch.zeros(1, dtype=torch.int64) if classes else None) is not None:
        if classes:
            digits = torch.arange(classes).repeat_interleave(10)
            values = latent.sample((), condition=digits, generator=generator)
            figures["samples"] = sheet(decode(values, digits), 10, "a row for each digit asked for")
        else:
            values = latent.sample((100,), generator=generator)
            figures["samples"] = sheet(decode(values), 10, "draws from the prior")
    if latent.components:
        centres = torch.stack([latent.component(k) for k in range(latent.components)])
        figures["centres"] = sheet(decode(centres), 10, "centre of every component")
    if latent.width == 2:
        figures["manifold"] = manifold(decode)
        figures["map"] = scatter(z, labels)
    spread = z.std(0)
    order = spread.argsort(descending=True)[:10]
    steps = torch.linspace(-2.5, 2.5, TRAVERSAL_STEPS)
    rows = []
    for dimension in order:
        moved = z.mean(0).repeat(TRAVERSAL_STEPS, 1)
        moved[:, dimension] += steps * spread[dimension]
        rows.append(moved)
    title = "a row for each dimension, -2.5 to + 2.5 standard deviations"
    figures["traversals"] = sheet(decode(torch.cat(rows)), TRAVERSAL_STEPS, title)
    return figures


def manifold(decode: object) -> Figure:
    """Decodings of the unit square through the inverse Gaussian CDF (Kingma & Welling 2014, D)."""
    places = (torch.arange(MANIFOLD_SIDE) + 0.5) / MANIFOLD_SIDE
    grid = torch.special.ndtri(places)
    values = torch.stack(torch.meshgrid(grid, grid, indexing="xy"), -1).reshape(-1, 2)
    images = decode(values)  # type: ignore[operator]
    return sheet(images, MANIFOLD_SIDE, "equal steps of probability under the prior")


def sheet(images: Tensor, columns: int, title: str) -> Figure:
    """Images (n, channels, height, width) in rows of ``columns``, dark on light."""
    rows = math.ceil(len(images) / columns)
    channels, height, width = images.shape[1:]
    canvas = torch.zeros(channels, rows * (height + 1) + 1, columns * (width + 1) + 1)
    for index, image in enumerate(images):
        top = 1 + (index // columns) * (height + 1)
        left = 1 + (index % columns) * (width + 1)
        canvas[:, top : top + height, left : left + width] = image
    figure = Figure(figsize=(0.45 * columns + 0.4, 0.45 * rows + 0.5), dpi=120)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.02, 0.01, 0.96, 0.98 - 0.3 / figure.get_figheight()))
    axes.imshow(canvas.mean(0).numpy(), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    figure.suptitle(title, fontsize=9, y=0.99, va="top")
    return figure


def usage(codes: Tensor, count: int, site: str) -> Figure:
    """How often every code is used over a split, most used first."""
    shares = torch.bincount(codes[codes >= 0].flatten(), minlength=count).double()
    shares = shares.sort(descending=True).values / shares.sum()
    figure = Figure(figsize=(5, 2.6), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.bar(range(count), shares.tolist(), width=1.0)
    axes.axhline(1 / count, color="k", lw=0.7, ls=":")
    axes.set(xlabel=f"codes of {site}, most used first", ylabel="share of all")
    return figure


def scatter(z: Tensor, labels: Sequence[int] | Tensor) -> Figure:
    """Posterior means (n, 2), coloured by label."""
    figure = Figure(figsize=(4.6, 4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    points = axes.scatter(
        z[:, 0].numpy(), z[:, 1].numpy(), c=torch.as_tensor(labels).numpy(), cmap="tab10", s=8
    )
    figure.colorbar(points, ax=axes, label="digit")
    axes.set(xlabel="z 1", ylabel="z 2")
    return figure
