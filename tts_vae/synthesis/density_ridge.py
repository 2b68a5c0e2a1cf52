"""The path between two points that keeps to where a mixture has its mass.

A curve z(t) costs the integral of p(z)^(-1/d) |dz|, d the width of z: the density-weighted distance
that shortest paths over dense samples converge to (Hwang, Damelin & Hero 2016, Annals of Applied
Probability 26(5), theorem 1 with power 2). Its minimum is a geodesic of the conformal metric
p^(-2/d), found as Shao, Kumar & Fletcher 2018 (arXiv 1711.08014, algorithm 1) and Arvanitidis,
Hansen & Hauberg 2018 (arXiv 1710.11379) find theirs: the energy of a discretised curve goes
downhill from a first guess. There are two guesses, the straight line and the shortest way from
component to component (Dijkstra); the cheaper result is taken. Nothing is random.
"""

import heapq
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import MixtureSameFamily

POINTS = 41
_PROBES = 16
_ITERATIONS = 100


def density_ridge(mixture: MixtureSameFamily, start: Tensor, end: Tensor, sd: Tensor) -> Tensor:
    """The cheapest curve from one point to another.

    Args:
        mixture: p(z) in float64, event (width,).
        start: (width,).
        end: (width,).
        sd: (width,) what counts as one unit of length in each dimension.

    Returns:
        (POINTS, width) float64, equally far from each other, from ``start`` to ``end``.
    """
    start, end, sd = start.double(), end.double(), sd.double()
    nodes = torch.cat([start[None], end[None], mixture.component_distribution.mean.double()])
    guesses = [nodes[:2], nodes[_shortest_way(mixture, nodes, sd)]]
    curves = [_settled(mixture, evenly_spaced(guess, sd), sd) for guess in guesses]
    return min(curves, key=lambda curve: float(curve_length(mixture, curve, sd)))


def curve_length(mixture: MixtureSameFamily, points: Tensor, sd: Tensor) -> Tensor:
    """Cost of a curve of straight pieces, (): the sum of :func:`piece_lengths`."""
    return piece_lengths(mixture, points[:-1], points[1:], sd).sum()


def piece_lengths(mixture: MixtureSameFamily, start: Tensor, end: Tensor, sd: Tensor) -> Tensor:
    """Integral of (p / p_max)^(-1/width) over straight pieces, (..., width) twice -> (...).

    p_max is the highest density at the mean of a component; the integral by the midpoint rule.
    """
    at = (torch.arange(_PROBES, dtype=start.dtype) + 0.5) / _PROBES
    points = start.unsqueeze(-2) + at.unsqueeze(-1) * (end - start).unsqueeze(-2)
    return ((end - start) / sd).norm(dim=-1) * _weight(mixture, points).mean(-1)


def evenly_spaced(points: Tensor, sd: Tensor, count: int = POINTS) -> Tensor:
    """Points at equal distances along a line of straight pieces, (points, width) -> (count, width).

    Both ends stay exactly where they are.
    """
    lengths = ((points[1:] - points[:-1]) / sd).norm(dim=-1)
    travelled = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
    wanted = torch.linspace(0, 1, count, dtype=points.dtype) * travelled[-1]
    right = torch.searchsorted(travelled, wanted).clamp(1, len(points) - 1)
    share = (wanted - travelled[right - 1]) / lengths[right - 1].clamp(min=1e-12)
    even = torch.lerp(points[right - 1], points[right], share.clamp(0, 1).unsqueeze(-1))
    even[0], even[-1] = points[0], points[-1]
    return even


def _weight(mixture: MixtureSameFamily, points: Tensor) -> Tensor:
    peak = mixture.log_prob(mixture.component_distribution.mean).max()
    return torch.exp((peak - mixture.log_prob(points)) / points.shape[-1])


def _shortest_way(mixture: MixtureSameFamily, nodes: Tensor, sd: Tensor) -> list[int]:
    """Nodes from the first to the second over straight pieces (Dijkstra 1959)."""
    count = len(nodes)
    cost = piece_lengths(
        mixture,
        nodes.unsqueeze(1).expand(count, count, -1),
        nodes.unsqueeze(0).expand(count, count, -1),
        sd,
    ).tolist()
    queue: list[tuple[float, Sequence[int]]] = [(0.0, (0,))]
    reached: set[int] = set()
    while True:
        spent, way = heapq.heappop(queue)
        node = way[-1]
        if node == 1:
            return list(way)
        if node not in reached:
            reached.add(node)
            for following in set(range(1, count)) - reached:
                heapq.heappush(queue, (spent + cost[node][following], (*way, following)))


@torch.enable_grad()
def _settled(mixture: MixtureSameFamily, curve: Tensor, sd: Tensor) -> Tensor:
    """The curve after its energy went downhill, ends held, points equally spaced again."""
    first, last = curve[:1], curve[-1:]
    inner = curve[1:-1].clone().requires_grad_()
    descent = torch.optim.LBFGS(
        [inner], max_iter=_ITERATIONS, history_size=20, line_search_fn="strong_wolfe"
    )

    def energy() -> Tensor:
        """Sum of squared lengths times pieces: at its minimum every piece costs the same."""
        descent.zero_grad()
        points = torch.cat([first, inner, last])
        middle = (points[1:] + points[:-1]) / 2
        lengths = ((points[1:] - points[:-1]) / sd).norm(dim=-1) * _weight(mixture, middle)
        total = (lengths**2).sum() * len(lengths)
        total.backward()  # type: ignore[no-untyped-call]
        return total.detach()

    descent.step(energy)
    return evenly_spaced(torch.cat([first, inner.detach(), last]), sd)
