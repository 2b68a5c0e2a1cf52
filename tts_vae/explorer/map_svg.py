"""The latent map as SVG: points coloured by an attribute, components, and the styles in hand."""

from collections.abc import Mapping
from html import escape

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex

from tts_vae.explorer.latent_map import HEIGHT, WIDTH, LatentMap

UNKNOWN = "#9aa3ab"
_SCALE = "viridis"
_KINDS = "tab10"
_MANY = "tab20"


def map_svg(latent_map: LatentMap, attribute: str, marks: Mapping[str, tuple[float, float]]) -> str:
    """Draw the map.

    Args:
        latent_map: what lies where.
        attribute: what the points are coloured by; one of ``latent_map.points.attributes``.
        marks: "" for the style in hand, "A" and "B" for the slots -> (x, y) on the drawing.
    """
    colours, legend = _colours(latent_map, attribute)
    parts = [_axes(latent_map)]
    for spot, colour, ring in zip(
        latent_map.utterances, colours, latent_map.points.held_out, strict=True
    ):
        look = f'fill="none" stroke="{colour}"' if ring else f'fill="{colour}"'
        title = escape(spot.start.label)
        parts.append(
            f'<circle cx="{spot.x:.1f}" cy="{spot.y:.1f}" r="3.4" {look}>'
            f"<title>{title}</title></circle>"
        )
    for number, spot in enumerate(latent_map.components):
        title = escape(spot.start.label)
        parts.append(
            f'<g class="component"><title>{title}</title>'
            f'<circle cx="{spot.x:.1f}" cy="{spot.y:.1f}" r="8.5"/>'
            f'<text x="{spot.x:.1f}" y="{spot.y:.1f}" dy=".36em">{number}</text></g>'
        )
    parts += [_mark(name, x, y) for name, (x, y) in marks.items()]
    return (
        f'<svg class="latent-map" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" '
        f'aria-label="Map of the prosody, coloured by {escape(attribute)}">{"".join(parts)}</svg>'
        f'<div class="legend">{legend}</div>'
    )


def _axes(latent_map: LatentMap) -> str:
    first, second = (f"{100 * share:.0f} % of the variance" for share in latent_map.shares)
    return (
        f'<rect class="plane" width="{WIDTH:g}" height="{HEIGHT:g}" rx="6"/>'
        f'<text class="axis" x="{WIDTH - 8:g}" y="{HEIGHT - 8:g}" text-anchor="end">'
        f"principal component 1 &#8594; {first}</text>"
        f'<text class="axis" transform="translate(14 10) rotate(-90)" text-anchor="end">'
        f"principal component 2 &#8594; {second}</text>"
    )


def _mark(name: str, x: float, y: float) -> str:
    x, y = (min(max(v, 8.0), top - 8.0) for v, top in ((x, WIDTH), (y, HEIGHT)))
    if name:
        return (
            f'<g class="slot"><title>style {escape(name)}</title>'
            f'<rect x="{x - 9:.1f}" y="{y - 9:.1f}" width="18" height="18" rx="4"/>'
            f'<text x="{x:.1f}" y="{y:.1f}" dy=".36em">{escape(name)}</text></g>'
        )
    return (
        f'<g class="here" transform="translate({x:.1f} {y:.1f})"><title>the style in hand</title>'
        '<circle r="12.5"/><path d="M-19 0h8M11 0h8M0-19v8M0 11v8"/></g>'
    )


def _colours(latent_map: LatentMap, attribute: str) -> tuple[list[str], str]:
    """A colour for each point, and the legend."""
    points = latent_map.points
    if attribute in points.values:
        values = points.values[attribute]
        low, high = (float(v) for v in np.nanpercentile(values, [2, 98]))
        share = (values - low) / max(high - low, 1e-9)
        scale = colormaps[_SCALE]
        colours = [UNKNOWN if np.isnan(s) else to_hex(scale(float(s))) for s in share]
        stops = ",".join(to_hex(scale(s)) for s in np.linspace(0, 1, 9))
        bar = f'<i class="bar" style="background:linear-gradient(90deg,{stops})"></i>'
        return colours, f"{escape(attribute)}: {low:.3g} {bar} {high:.3g}"
    words = points.labels.get(attribute)
    if words is None:
        return [UNKNOWN] * len(points.z), ""
    kinds = sorted(set(words), key=lambda word: (len(word), word))
    palette = colormaps[_KINDS if len(kinds) <= 10 else _MANY]
    colour = {kind: to_hex(palette(i % palette.N)) for i, kind in enumerate(kinds)}
    swatches = "".join(
        f'<span><i class="swatch" style="background:{colour[kind]}"></i>'
        f"{escape(kind.removeprefix(attribute + ' '))}</span>"
        for kind in kinds
    )
    return [colour[word] for word in words], f"<span>{escape(attribute)}</span>{swatches}"
