"""All figures of a trained image model on its test split."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from tts_vae.data.images import ImageBatch
from tts_vae.evaluation.measures.clustering import cluster_agreement, latent_use
from tts_vae.latents.divergences import log_responsibilities
from tts_vae.latents.mixture import MixtureLatent
from tts_vae.models.latent_model import LatentModel
from tts_vae.objectives.importance import evaluate_bound
from tts_vae.training.image_data import ImageData


@torch.no_grad()
def image_report(
    model: LatentModel, data: ImageData, draws: int = 5000, chunk: int = 50, seed: int = 0
) -> dict[str, Any]:
    """Measure a model on the test split.

    Args:
        model: in evaluation mode.
        data: the images.
        draws: k of the importance-weighted bound.
        chunk: draws at once.
        seed: of the draws.

    Returns:
        ``mse`` of the mean images, ``log_likelihood`` and ``kl`` at the posterior means in nats an
        image, and where they apply ``elbo`` and ``bound`` (L_k), ``latents`` (active units,
        components), ``codes`` (perplexity, used), ``clusters`` (accuracy, NMI, ARI).
    """
    torch.manual_seed(seed)
    batches = list(data.val_dataloader())
    outputs = [model(batch, mode="mean") for batch in batches]
    images = torch.cat([batch.images for batch in batches])
    mean = torch.cat([output.predictions["pixels"] for output in outputs])
    report: dict[str, Any] = {
        "images": len(images),
        "mse": float((mean - images).square().mean()),
        "log_likelihood": float(torch.cat([o.log_likelihood for o in outputs]).mean()),
        "kl": {
            site: float(torch.cat([o.sites[site].kl for o in outputs]).mean())
            for site in model.sites
        },
    }
    if all(found.posterior is not None for found in outputs[0].sites.values()):
        for name, k in (("elbo", 1), ("bound", draws)):
            # an average over draws of one is the ELBO; more of them make its estimate steadier
            repeats = 20 if k == 1 else 1
            values = [bound(model, batches, k, chunk) for _ in range(repeats)]
            report[name] = float(torch.stack(values).mean())
        report["draws"] = draws
    labels = torch.cat([batch.labels for batch in batches])
    for site, latent in model.sites.items():
        found = [output.sites[site] for output in outputs]
        if found[0].codes is not None:
            report.setdefault("codes", {})[site] = code_use(
                torch.cat([each.codes for each in found if each.codes is not None]),
                latent.components,
            )
        elif found[0].z.ndim == 2:
            z, kl = torch.cat([each.z for each in found]), torch.cat([each.kl for each in found])
            use = latent_use(z.numpy(), kl.numpy())
            report.setdefault("latents", {})[site] = {
                "active_units": use.active_units,
                "width": use.width,
            }
            if isinstance(latent, MixtureLatent):
                report["clusters"] = clusters(latent, z, labels)
    return report


def bound(model: LatentModel, batches: Sequence[ImageBatch], k: int, chunk: int) -> Tensor:
    """Importance-weighted bound L_k of every image, (images,) nats."""

    def of(batch: ImageBatch) -> Tensor:
        return evaluate_bound(lambda draws: model(batch, sample_shape=(draws,)), k, chunk)

    return torch.cat([of(batch) for batch in batches])


def clusters(latent: MixtureLatent, z: Tensor, labels: Tensor) -> dict[str, float]:
    """Most responsible component of each z (n, width) against its label (n,)."""
    shares = log_responsibilities(z, latent.means, latent.scales, latent.log_weights)
    components = shares.argmax(-1)
    agreement = cluster_agreement(components.tolist(), labels.tolist())
    return {
        "accuracy": cluster_accuracy(components, labels),
        "nmi": agreement.nmi,
        "ari": agreement.ari,
    }


def cluster_accuracy(components: Tensor, labels: Tensor) -> float:
    """Share of items right under the best one-to-one map of components to labels.

    Unsupervised clustering accuracy (Xie et al. 2016, arXiv 1511.06335, eq. 10).
    """
    size = int(max(components.max(), labels.max())) + 1
    table = torch.zeros(size, size, dtype=torch.int64)
    table.index_put_((components, labels), torch.ones_like(labels), accumulate=True)
    rows, columns = linear_sum_assignment(-table.numpy())
    return float(table.numpy()[rows, columns].sum() / len(labels))


def code_use(codes: Tensor, count: int) -> dict[str, float]:
    """Perplexity and number of used codes over a split; codes (n, ...) int64, -1 on padding."""
    counts = np.bincount(codes[codes >= 0].flatten().numpy(), minlength=count)
    shares = counts[counts > 0] / counts.sum()
    return {
        "perplexity": float(np.exp(-(shares * np.log(shares)).sum())),
        "used": int((counts > 0).sum()),
        "codes": count,
    }


class DigitReader:
    """Reads which digit an image shows: support vectors on real images alone.

    Args:
        images: (n, channels, height, width) of the training split.
        labels: (n,).
        limit: images to learn from, at most.
    """

    def __init__(self, images: Tensor, labels: Tensor, limit: int = 10_000) -> None:
        from sklearn.svm import SVC

        self.machine = SVC(C=10, gamma="scale").fit(
            images[:limit].flatten(1).numpy(), labels[:limit].numpy()
        )

    def share_right(self, images: Tensor, labels: Tensor) -> float:
        """Share of images (n, ...) that are read as their labels (n,)."""
        return float((self.machine.predict(images.flatten(1).numpy()) == labels.numpy()).mean())


def reading(
    reader: DigitReader, data: ImageData, drawn: Mapping[str, Tensor], asked: Tensor
) -> dict[str, float]:
    """Share of drawn images that are read as asked, beside natural images of the test split."""
    natural = {"natural": reader.share_right(data.test.images, data.test.labels)}
    return natural | {name: reader.share_right(images, asked) for name, images in drawn.items()}
