"""Ways through the space of styles: between two, among four, along one dimension, within a text.

Every function only makes styles; nothing here speaks.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tts_vae.latents.mixture import MixtureLatent
from tts_vae.synthesis.controls import is_pause
from tts_vae.synthesis.density_ridge import density_ridge
from tts_vae.synthesis.site_prior import SitePrior, site_prior
from tts_vae.synthesis.spans import along
from tts_vae.synthesis.style import SPEAKER, Style

if TYPE_CHECKING:
    from tts_vae.synthesis.voice import Voice

PATHS = ("linear", "spherical", "ridge")
"""Kinds of path that :func:`path_between` knows."""

Path = Callable[[float], Style]
"""Step from 0 (first style) to 1 (last style) -> the style there."""

LARGEST_RATIO = 2.0
"""Ends whose distances from the prior's mean differ by more than this lie on no common sphere."""

_PARALLEL = 1e-3
_Moves = Callable[[float], Tensor]


def path_between(
    voice: "Voice", a: Style, b: Style, kind: str = "linear", site: str | None = None
) -> Path:
    """A path from one style to another.

    Controls go along as :meth:`Style.mix` mixes them: shifts linearly, factors geometrically.

    Args:
        voice: whose styles these are.
        a: where it begins.
        b: where it ends.
        kind: how the values of the sites move. "linear": straight. "spherical": on the great circle
            about the prior's mean, in units of the prior's standard deviations, so that the density
            does not sag in the middle (Shoemake 1985; White 2016, arXiv 1609.04468); the radius is
            interpolated linearly. Where the ends are no two points of a sphere (radii that differ
            by more than ``LARGEST_RATIO``, an end at the centre, opposite ends) the site moves
            straight and a warning says so. "ridge": where the density of a mixture prior is high,
            see :mod:`tts_vae.synthesis.density_ridge`; other sites move straight.
        site: the only site that moves; None moves all. The controls are part of the prosody: they
            stay at those of ``a`` where "speaker" alone moves.

    Returns:
        Step -> style; 0 and 1 give the ends, and what lies between is equally spaced.

    Raises:
        ValueError: if the styles are not of this voice, or kind or site is unknown or impossible;
            from the path itself, if the step is not within 0 and 1 for anything but a linear path.
    """
    if kind not in PATHS:
        raise ValueError(f"unknown path {kind!r}; choose one of {', '.join(PATHS)}")
    a.mix(b, 0.5)  # tells of different voices, and of texts of different lengths
    check_style(voice, a)
    sites = voice.bundle.model.sites
    if site is not None and site not in sites:
        raise ValueError(f"unknown site {site!r}; this voice has {', '.join(sites)}")
    moving = [site] if site is not None else list(a.values)
    ridge_site = _ridge_site(voice, site) if kind == "ridge" else None
    moves: dict[str, _Moves] = {}
    for name in moving:
        start, end = a.values[name], b.values[name]
        if torch.equal(*torch.broadcast_tensors(start, end)):
            continue
        if name == ridge_site:
            moves[name] = _ridge(site_prior(voice.bundle, name), start, end)
        elif kind == "spherical":
            moves[name] = _spherical(site_prior(voice.bundle, name), start, end)
    only = "" if site is None else f", {site} alone"
    shown = f"({a}) -> ({b}) at {{:g}}" + ("" if kind == "linear" else f", {kind}") + only

    def path(step: float) -> Style:
        if kind != "linear" and not 0 <= step <= 1:
            raise ValueError(f"step must be within 0 and 1 on a {kind} path, got {step}")
        mixed = a.mix(b, step)
        values = {
            name: moves[name](step)
            if name in moves
            else mixed.values[name]
            if name in moving
            else value
            for name, value in a.values.items()
        }
        held = a if site == SPEAKER else mixed
        return replace(held, values=values, label=shown.format(step))

    return path


def glide(path: Path, phones: Iterable[str | Sequence[str]]) -> Style:
    """A style that follows a path through a text: step 0 on its first phone, 1 on its last.

    Phones are equally far apart on the path. Silence before the first has the style of the first,
    pauses count as phones, and the last pause has the style of the last phone.

    Args:
        path: of :func:`path_between`.
        phones: the tokens, or ``voice.phonemize(text)``.

    Raises:
        ValueError: if fewer than two phones are spoken, or the path has numbers for each phone.
    """
    tokens = [t for item in phones for t in ((item,) if isinstance(item, str) else item)]
    spoken = [index for index, token in enumerate(tokens) if not is_pause(token)]
    if len(spoken) < 2:
        raise ValueError(
            f"a style glides from the first phone to the last; got {len(spoken)} phones, give a "
            "longer text"
        )
    first, last = path(0.0), path(1.0)
    if first.phones is not None or last.phones is not None:
        raise ValueError(
            "a style glides between styles for the whole text; got one with numbers for each phone"
        )
    span = spoken[-1] - spoken[0]
    steps = [min(max((i - spoken[0]) / span, 0.0), 1.0) for i in range(len(tokens))]
    style = along([(path(step), 1) for step in steps])
    return replace(style, label=f"({first}) gliding to ({last})")


def grid(corners: Sequence[Style], n: int) -> tuple[tuple[Style, ...], ...]:
    """Styles on a plane through four: rows from the first two to the last two, bilinear.

    Args:
        corners: top left, top right, bottom left, bottom right.
        n: rows and columns, corners included.

    Raises:
        ValueError: if there are not four, ``n`` is less than 2, or they are of different voices.
    """
    if len(corners) != 4:
        raise ValueError(f"a grid lies between 4 styles, its corners; got {len(corners)}")
    if n < 2:
        raise ValueError(f"a grid has 2 rows or more (its corners are spoken), got {n}")
    top_left, top_right, bottom_left, bottom_right = corners
    names = " | ".join(map(str, corners))

    def cell(down: float, right: float) -> Style:
        top, bottom = top_left.mix(top_right, right), bottom_left.mix(bottom_right, right)
        label = f"grid of {names}, {right:g} right, {down:g} down"
        return replace(top.mix(bottom, down), label=label)

    shares = [number / (n - 1) for number in range(n)]
    return tuple(tuple(cell(down, right) for right in shares) for down in shares)


def traversal(
    voice: "Voice", style: Style, dimension: int, sds: Sequence[float], site: str | None = None
) -> tuple[Style, ...]:
    """A style with one dimension of a site moved, all else held.

    Args:
        voice: whose style it is.
        style: about which; 0 standard deviations is this style itself.
        dimension: of the site, from 0.
        sds: how far, in standard deviations of the prior of that dimension.
        site: the prosody site if None.

    Raises:
        ValueError: if the style is of another voice, there is no such dimension or site, or a
            number is not finite.
    """
    check_style(voice, style)
    if site is None:
        site = voice.prosody_site
    if site is None:
        raise ValueError("this voice has no prosody site to traverse; name another site")
    prior = site_prior(voice.bundle, site)
    if isinstance(dimension, bool) or not isinstance(dimension, int):
        raise ValueError(f"dimension must be a whole number, got {dimension!r}")
    if not 0 <= dimension < prior.width:
        raise ValueError(
            f"unknown dimension {dimension}; the {site} site of this voice has 0 to "
            f"{prior.width - 1}"
        )
    if not all(map(math.isfinite, sds)):
        raise ValueError(f"standard deviations must be finite numbers, got {list(sds)}")
    moved = []
    for sd in sds:
        value = style.values[site].clone()
        value[..., dimension] += sd * float(prior.sd[dimension])
        label = f"({style}) with {site}[{dimension}] {sd:+g} sd"
        moved.append(replace(style, values={**style.values, site: value}, label=label))
    return tuple(moved)


def check_style(voice: "Voice", style: Style) -> None:
    """Find out that a style is of another voice.

    Raises:
        ValueError: if its sites or their widths are not those of the voice.
    """
    theirs = {site: value.shape[-1] for site, value in style.values.items()}
    own = {site: latent.width for site, latent in voice.bundle.model.sites.items()}
    if theirs != own:
        raise ValueError(
            f"the style ({style}) belongs to another voice: its sites and widths are {theirs}, "
            f"this voice's are {own}; make it with this voice's style()"
        )


def _ridge_site(voice: "Voice", site: str | None) -> str:
    """The site whose mixture has a ridge."""
    sites = voice.bundle.model.sites
    name = site or voice.prosody_site
    latent = sites[name] if name is not None else None
    if name is not None and isinstance(latent, MixtureLatent):
        return name
    which = f"the {name} site of this voice is a {type(latent).__name__}" if name else "it has none"
    mixtures = [other for other, latent in sites.items() if isinstance(latent, MixtureLatent)]
    remedy = f"choose site {mixtures[0]}, or " if mixtures else ""
    raise ValueError(
        f"a ridge needs a site whose prior is a mixture, and {which}; {remedy}use path linear or "
        "spherical"
    )


def _ridge(prior: SitePrior, start: Tensor, end: Tensor) -> _Moves:
    if start.dim() != 1 or end.dim() != 1:
        raise ValueError(
            f"a ridge leads from one value of the {prior.site} site to another; got values for "
            "each phone, use path linear"
        )
    assert prior.mixture is not None
    points = density_ridge(prior.mixture, start, end, prior.sd)

    def move(step: float) -> Tensor:
        place = step * (len(points) - 1)
        left = min(int(place), len(points) - 2)
        return torch.lerp(points[left], points[left + 1], place - left).float()

    return move


def _spherical(prior: SitePrior, start: Tensor, end: Tensor) -> _Moves:
    """Great circle about the prior's mean in its standard deviations; straight where there is none.

    With u and v the ends and phi the angle between them, the direction at t is
    (sin((1 - t) phi) u / |u| + sin(t phi) v / |v|) / sin(phi) (Shoemake 1985).
    """
    start, end = torch.broadcast_tensors(start.double(), end.double())
    u, v = (start - prior.mean) / prior.sd, (end - prior.mean) / prior.sd
    near, far = torch.stack([u.norm(dim=-1), v.norm(dim=-1)]).aminmax(dim=0)
    unit_u, unit_v = (x / x.norm(dim=-1, keepdim=True).clamp(min=1e-12) for x in (u, v))
    # accurate at both ends of the scale, where the arc cosine is not (Kahan 2006)
    phi = 2 * torch.atan2((unit_u - unit_v).norm(dim=-1), (unit_u + unit_v).norm(dim=-1))
    if bool((far > LARGEST_RATIO * near).any()):
        reason = (
            f"its ends are {float(near.min()):.1f} and {float(far.max()):.1f} standard deviations "
            "from the prior's mean, no two points of one sphere"
        )
    elif bool((phi > math.pi - _PARALLEL).any()):
        reason = "its ends lie opposite each other, so that no way round is the shortest"
    else:
        reason = ""
    if reason or bool((phi < _PARALLEL).all()):  # near-parallel: the circle is the line
        if reason:
            warnings.warn(f"site {prior.site} moves straight: {reason}", stacklevel=4)
        return lambda step: torch.lerp(start, end, step).float()
    radius_u, radius_v = u.norm(dim=-1, keepdim=True), v.norm(dim=-1, keepdim=True)
    phi = phi.clamp(min=1e-9).unsqueeze(-1)

    def move(step: float) -> Tensor:
        if step in (0.0, 1.0):  # the very ends, without rounding
            return (start if step == 0 else end).float()
        turned = torch.sin((1 - step) * phi) * unit_u + torch.sin(step * phi) * unit_v
        radius = (1 - step) * radius_u + step * radius_v
        return (prior.mean + prior.sd * radius * turned / torch.sin(phi)).float()

    return move
