"""The plane of the map: the two directions in which the points differ most, and what a click means.

The plane is that of probabilistic PCA (classical/ppca.py). A click on a component or an utterance
takes its value as it is; a click elsewhere takes the value in the plane, every direction across it
at its mean, which is what PCA expects there.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tts_vae.classical.ppca import ProbabilisticPCA
from tts_vae.explorer.choice import Start
from tts_vae.explorer.points import Points
from tts_vae.synthesis.voice import Voice

Floats = NDArray[np.float64]

WIDTH, HEIGHT, MARGIN = 560.0, 420.0, 34.0
"""Of the drawing, in its own units."""

REACH = 9.0
"""A click so near to a component or an utterance means it."""

_LIFT = 1e-6  # variance added to every direction: points that all lie in a line have a plane too


@dataclass(frozen=True)
class Spot:
    """Something on the map that can be clicked."""

    x: float
    y: float
    start: Start


class LatentMap:
    """A flat picture of a voice's prosody.

    Args:
        voice: whose.
        points: what is known to lie where.
        names: component -> what it is called; shown beside its number.

    Attributes:
        points: as given.
        shares: share of the points' variance along either axis.
        components: the voice's components.
        utterances: the points, item for item.
    """

    def __init__(self, voice: Voice, points: Points, names: dict[int, str] | None = None) -> None:
        site = voice.prosody_site
        if site is None:
            raise ValueError("this voice has no prosody to map; use the physical controls")
        self.points = points
        latent = voice.bundle.model.sites[site]
        means = [latent.component(k) for k in range(voice.components)]
        own = torch.stack(means).double().numpy() if means else np.zeros((0, latent.width))
        self._mean, self._axes, self.shares = _plane(np.concatenate([points.z, own]))
        flat = self._flatten(np.concatenate([points.z, own]))
        low, high = flat.min(0), flat.max(0)
        room = np.array([WIDTH, HEIGHT]) - 2 * MARGIN
        # one scale for both axes, so that distances on the map are distances in the plane
        self._scale = float((room / np.maximum(high - low, 1e-9)).min())
        self._middle = (low + high) / 2
        called = names or {}
        self.components = tuple(
            Spot(*self.place(z), Start(_component(k, called.get(k)), {"component": k}))
            for k, z in enumerate(own)
        )
        self.utterances = tuple(
            Spot(*self.place(z), _point_start(points, item)) for item, z in enumerate(points.z)
        )

    def place(self, z: Floats | torch.Tensor) -> tuple[float, float]:
        """Where a value (width,) lies on the drawing: (right, down)."""
        flat = self._flatten(np.asarray(z, dtype=np.float64)[None])[0]
        right, up = (flat - self._middle) * self._scale
        return WIDTH / 2 + float(right), HEIGHT / 2 - float(up)

    def value(self, x: float, y: float) -> Floats:
        """The value (width,) of the plane at a place of the drawing."""
        flat = self._middle + np.array([x - WIDTH / 2, HEIGHT / 2 - y]) / self._scale
        return self._mean + self._axes @ flat

    def click(self, x: float, y: float) -> Start:
        """What a click at a place of the drawing chooses: the nearest spot, or the place itself.

        Raises:
            ValueError: if the place is not on the drawing.
        """
        if not (0 <= x <= WIDTH and 0 <= y <= HEIGHT):
            raise ValueError(f"The map is {WIDTH:g} by {HEIGHT:g}, got a click at {x:g}, {y:g}.")
        for spots in (self.components, self.utterances):  # components lie on top
            near = [(np.hypot(spot.x - x, spot.y - y), i) for i, spot in enumerate(spots)]
            if near and min(near)[0] <= REACH:
                return spots[min(near)[1]].start
        return Start("point on the map", {"vector": _words(self.value(x, y))})

    def _flatten(self, z: Floats) -> Floats:
        return (z - self._mean) @ self._axes


def _plane(z: Floats) -> tuple[Floats, Floats, tuple[float, float]]:
    """Mean (width,), two orthonormal directions (width, 2), and their shares of the variance."""
    width = z.shape[1]
    if width > 2:
        fitted = ProbabilisticPCA(2, regularisation=_LIFT).fit(torch.from_numpy(z))
        assert fitted.mean is not None and fitted.loadings is not None
        mean, loadings = fitted.mean.numpy(), fitted.loadings.numpy()
        axes = np.linalg.qr(loadings)[0]
        axes *= np.sign((axes * loadings).sum(0))  # as the loadings point, which do not flip
    else:
        mean, axes = z.mean(0), np.eye(width, 2)
    spread = ((z - mean) ** 2).sum()
    along = (((z - mean) @ axes) ** 2).sum(0) / max(float(spread), 1e-12)
    return mean, axes, (float(along[0]), float(along[1]))


def _point_start(points: Points, item: int) -> Start:
    name = points.ids[item]
    if not points.utterances:
        return Start(f"draw {name}", {"prior": int(name.partition("=")[2])})
    kind = "held-out" if points.held_out[item] else "training"
    return Start(f"{kind} utterance {name}", {"vector": _words(points.z[item])})


def _component(index: int, name: str | None) -> str:
    return f"component {index}" + (f": {name}" if name else "")


def _words(z: Floats) -> tuple[float, ...]:
    return tuple(float(f"{number:.6g}") for number in z)
