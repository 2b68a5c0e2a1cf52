"""Is a latent alive, and do its components mean something: the figures that show collapse."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from tts_vae.evaluation.measures.summary import require_pairs

ACTIVE_VARIANCE = 0.01


@dataclass(frozen=True)
class LatentUse:
    """How much of a latent is used over a corpus.

    Attributes:
        active_units: dimensions d with Var(E[z_d]) > ``ACTIVE_VARIANCE``.
        width: dimensions in all.
        mean_kl_nats: mean KL from prior, summed over dimensions, in nats an utterance.
        components_in_use: components that are most responsible for some utterance's z and hold at
            least ``least_share`` of them; 0 for a latent without components.
        components: components in all.
        shares: share of utterances of each component, empty for a latent without components.
    """

    active_units: int
    width: int
    mean_kl_nats: float
    components_in_use: int
    components: int
    shares: tuple[float, ...]


def latent_use(
    posterior_means: ArrayLike,
    kl_nats: ArrayLike,
    responsibilities: ArrayLike | None = None,
    least_share: float = 0.01,
) -> LatentUse:
    """Measure the use of a latent.

    Args:
        posterior_means: (utterances, width) E[z | x]; for a latent per phone, flatten first.
        kl_nats: (utterances,) KL(q(z | x) || p(z)) in nats.
        responsibilities: (utterances, components) q(y | x), or None.
        least_share: share of utterances from which a component counts as in use.

    Raises:
        ValueError: the shapes do not belong together.
    """
    means = np.asarray(posterior_means, dtype=np.float64)
    kl = np.asarray(kl_nats, dtype=np.float64)
    if means.ndim != 2 or kl.shape != means.shape[:1]:
        raise ValueError(
            f"expected means (utterances, width) and kl (utterances,), got {means.shape} and "
            f"{kl.shape}; flatten steps into utterances first"
        )
    shares: tuple[float, ...] = ()
    if responsibilities is not None:
        q = np.asarray(responsibilities, dtype=np.float64)
        if q.ndim != 2 or q.shape[0] != means.shape[0]:
            raise ValueError(
                f"expected responsibilities ({means.shape[0]}, components), got {q.shape}; "
                "give one row per utterance"
            )
        counts = np.bincount(q.argmax(1), minlength=q.shape[1])
        shares = tuple(float(share) for share in counts / len(q))
    return LatentUse(
        active_units=active_units(means),
        width=means.shape[1],
        mean_kl_nats=float(kl.mean()),
        components_in_use=sum(share > 0 and share >= least_share for share in shares),
        components=len(shares),
        shares=shares,
    )


def active_units(posterior_means: ArrayLike, threshold: float = ACTIVE_VARIANCE) -> int:
    """Dimensions whose posterior mean varies over the data (Burda et al. 2016, section 5.2)."""
    means = np.asarray(posterior_means, dtype=np.float64)
    return int((means.var(axis=0) > threshold).sum())


@dataclass(frozen=True)
class ClusterAgreement:
    """Components against a known label (a speaker, a gender).

    Attributes:
        consistency: share of utterances in the modal component of their own label.
        nmi: normalised mutual information, arithmetic mean of entropies.
        ari: adjusted Rand index.
    """

    consistency: float
    nmi: float
    ari: float


def cluster_agreement(components: Sequence[int], labels: Sequence[Hashable]) -> ClusterAgreement:
    """Compare the component of each utterance with its label.

    Raises:
        ValueError: the lists differ in length or are empty.
    """
    require_pairs(components, labels, "utterances")
    if not len(components):
        raise ValueError("expected at least one utterance, got none; evaluate a larger split")
    names = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    table = np.zeros((len(names), max(components) + 1), dtype=np.int64)
    for component, label in zip(components, labels, strict=True):
        table[names[label], component] += 1
    indices = [names[label] for label in labels]
    return ClusterAgreement(
        consistency=float(table.max(1).sum() / table.sum()),
        nmi=float(normalized_mutual_info_score(indices, list(components))),
        ari=float(adjusted_rand_score(indices, list(components))),
    )
