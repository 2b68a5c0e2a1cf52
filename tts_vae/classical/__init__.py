"""Closed forms and expectation-maximisation: the densities that need no gradient."""

from tts_vae.classical.gaussian import Gaussian
from tts_vae.classical.graph_clusters import graph_clusters
from tts_vae.classical.kmeans import Clusters, k_means
from tts_vae.classical.mixture_em import GaussianMixture
from tts_vae.classical.ppca import ProbabilisticPCA

__all__ = [
    "Clusters",
    "Gaussian",
    "GaussianMixture",
    "ProbabilisticPCA",
    "graph_clusters",
    "k_means",
]
