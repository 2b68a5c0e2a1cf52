"""Clusters of a neighbourhood graph: groups that no Gaussian about a mean describes.

Laplacian eigenmaps (Belkin and Niyogi 2003) unroll the graph of nearest neighbours, and mixtures of
Gaussians on them take the place of the k-means of spectral clustering (Ng, Jordan and Weiss 2001).
How many eigenmaps are right no likelihood tells. So several numbers vote: what counts between two
points is how often they are put together (Strehl and Ghosh 2002, section 3.1).
"""

import torch
from torch import Tensor

from tts_vae.classical.checks import check_at_least, check_points
from tts_vae.classical.kmeans import check_cluster_count
from tts_vae.classical.mixture_em import GaussianMixture

VOTES = 6  # numbers of eigenmaps, from as many as there are clusters
REGULARISATION = 1e-4  # of the mixtures, whose points have variance 1


def graph_clusters(
    x: Tensor, clusters: int, *, neighbours: int = 10, restarts: int = 40, seed: int = 0
) -> Tensor:
    """Return the cluster (n,) int64 of each of the points x (n, width).

    Args:
        x: points; memory and time grow with their square (2,000 take seconds).
        clusters: number of clusters.
        neighbours: of every point in the graph, joined in both directions.
        restarts: of each mixture; the likeliest votes.
        seed: of their starts and of the eigenvalue solvers.

    Raises:
        ValueError: x is no finite matrix, or has too few points for the clusters, the neighbours
            or the eigenmaps.
    """
    from scipy.sparse.csgraph import minimum_spanning_tree
    from sklearn.cluster import SpectralClustering
    from sklearn.manifold import SpectralEmbedding
    from sklearn.neighbors import kneighbors_graph

    points = check_points(x)
    check_cluster_count(clusters, len(points))
    check_at_least("neighbours", neighbours, 1)
    most = clusters + VOTES - 1
    if len(points) <= max(neighbours, most + 1):
        raise ValueError(
            f"expected more than {max(neighbours, most + 1)} points for {neighbours} neighbours "
            f"and {most} eigenmaps, got {len(points)}; ask for fewer or give more points"
        )
    directed = kneighbors_graph(points.cpu().numpy(), neighbours)
    tree = minimum_spanning_tree(torch.cdist(points, points).cpu().numpy()).astype(bool)
    directed = directed.maximum(tree)  # with a tree over all points it hangs together
    eigenmaps = SpectralEmbedding(most, affinity="precomputed", random_state=seed)
    unrolled = torch.from_numpy(eigenmaps.fit_transform(0.5 * (directed + directed.T)))
    unrolled = unrolled / unrolled.std(0)
    together = torch.full((len(points), len(points)), 1e-6)  # so that no part stands apart here
    for width in range(clusters, most + 1):
        mixture = GaussianMixture(
            clusters, regularisation=REGULARISATION, restarts=restarts, seed=seed
        ).fit(unrolled[:, :width])
        share = mixture.responsibilities(unrolled[:, :width]).float()
        together.addmm_(share, share.T, alpha=1 / VOTES)
    election = SpectralClustering(clusters, affinity="precomputed", random_state=seed, n_init=20)
    return torch.from_numpy(election.fit_predict(together.numpy())).long().to(x.device)
