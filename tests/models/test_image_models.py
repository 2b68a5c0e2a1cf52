import pytest
import torch
from torch import nn

from tts_vae.corpora import digits
from tts_vae.data.images import ImageBatch
from tts_vae.latents.deterministic import DeterministicLatent
from tts_vae.latents.gaussian import GaussianLatent
from tts_vae.latents.vector_quantizer import VectorQuantizerLatent
from tts_vae.models.image.convolutional import ConvDecoder, ConvEncoder
from tts_vae.models.image.perceptron import PerceptronDecoder, PerceptronEncoder
from tts_vae.models.latent_model import LatentModel
from tts_vae.models.likelihoods import BernoulliLikelihood
from tts_vae.objectives.elbo import Elbo
from tts_vae.objectives.importance import ImportanceWeighted, importance_bound, log_weights

DIGIT = [1, 8, 8]


def batch_of(shape, count=4):
    images = (torch.rand(count, *shape) < 0.4).float()
    return ImageBatch(images, torch.arange(count) % 3)


def perceptron(widths, classes=0, **options):
    return PerceptronDecoder(
        DIGIT, widths, BernoulliLikelihood(), hidden=[12, 9], classes=classes, **options
    )


def convolutional(widths, classes=0, **options):
    return ConvDecoder(
        DIGIT, widths, BernoulliLikelihood(), channels=[6], blocks=1, classes=classes, **options
    )


def vae(classes=0, width=3, conv=False):
    """A VAE on digits; with classes the label enters encoder, decoder and prior."""
    if conv:
        encoder = ConvEncoder(DIGIT, channels=[6], feature_width=8, classes=classes)
    else:
        encoder = PerceptronEncoder(DIGIT, [8], classes=classes)
    latent = GaussianLatent(8, width, condition_classes=classes)
    decoder = (convolutional if conv else perceptron)({"z": width}, classes)
    named = {"z": "labels"} if classes else None
    return LatentModel(
        {"z": encoder}, {"z": latent}, decoder, conditions=named, encoder_conditions=named
    )


@pytest.mark.parametrize("conv", [False, True])
@pytest.mark.parametrize("classes", [0, 3])
def test_bounds_learn_in_every_sample_shape(conv, classes):
    model, batch = vae(classes, conv=conv), batch_of(DIGIT, 6)
    model.fit_statistics([batch])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for objective, samples in ((Elbo(), ()), (ImportanceWeighted(), (5,))):
        losses = []
        for step in range(40):
            output = model(batch, sample_shape=samples)
            assert output.log_likelihood.shape == (*samples, 6)
            loss = objective(output.log_likelihood, output.sites, step).loss
            optimizer.zero_grad()
            loss.backward()
            assert all(p.grad is not None for p in model.parameters())
            optimizer.step()
            losses.append(loss.item())
        assert sum(losses[-5:]) < sum(losses[:5])
        assert sum(losses[-5:]) / 5 < 45  # of 64 ln 2 = 44.4 for coins


@pytest.mark.parametrize("conv", [False, True])
def test_condition_enters_encoder_prior_and_decoder(conv):
    model, batch = vae(3, conv=conv), batch_of(DIGIT)
    other = ImageBatch(batch.images, (batch.labels + 1) % 3)
    one, two = model(batch, mode="mean"), model(other, mode="mean")
    for part in ("posterior", "prior"):
        means = [getattr(output.sites["z"], part).mean for output in (one, two)]
        assert ((means[0] - means[1]).abs().amax(1) > 1e-6).all()
    clamped = {"z": torch.zeros(3)}
    scores = [model(given, values=clamped).log_likelihood for given in (batch, other)]
    assert ((scores[0] - scores[1]).abs() > 1e-6).all()


def test_examples_do_not_see_their_neighbours():
    for conv in (False, True):
        model, batch = vae(3, conv=conv), batch_of(DIGIT)
        whole = model(batch, mode="mean")
        alone = model(ImageBatch(batch.images[1:2], batch.labels[1:2]), mode="mean")
        torch.testing.assert_close(alone.log_likelihood[0], whole.log_likelihood[1])
        torch.testing.assert_close(alone.sites["z"].kl[0], whole.sites["z"].kl[1])


def two_levels(latent, **options):
    """VQ-VAE-2's shape on digits: top 2 x 2, bottom 4 x 4 reads the image and the top."""
    encoders = {
        "top": ConvEncoder(DIGIT, [6, 6], output="grid"),
        "bottom": ConvEncoder(DIGIT, [6], output="grid", parents={"top": 3}),
    }
    decoder = ConvDecoder(
        DIGIT, {"top": 3, "bottom": 2}, BernoulliLikelihood(), [6], grids=["top", "bottom"]
    )
    latents = {"top": latent(6, 3), "bottom": latent(6, 2, **options)}
    return LatentModel(encoders, latents, decoder, parents={"bottom": ["top"]})


def test_a_child_reads_its_parents_z():
    model, batch = two_levels(DeterministicLatent), batch_of(DIGIT)
    output = model(batch)
    assert output.sites["top"].z.shape == (4, 2, 2, 3)
    assert output.sites["bottom"].z.shape == (4, 4, 4, 2)
    top = output.sites["top"].z.detach().clone()
    top[0, 0, 0] += 5
    moved = model(batch, values={"top": top}).sites["bottom"].z - output.sites["bottom"].z
    assert moved[0].abs().max() > 1e-3 and moved[1:].abs().max() == 0


def test_context_is_the_parents_z_spread_over_the_childs_steps():
    model = two_levels(GaussianLatent, context_width=3)
    output = model(batch_of(DIGIT))
    top, context = output.sites["top"].z, output.sites["bottom"].context
    assert output.sites["top"].context is None and context.shape == (4, 4, 4, 3)
    for row in range(4):
        for column in range(4):
            assert torch.equal(context[:, row, column], top[:, row // 2, column // 2])


def test_two_levels_of_codes_learn_digits():
    encoders = {
        "top": ConvEncoder(DIGIT, [12, 12], output="grid"),
        "bottom": ConvEncoder(DIGIT, [12], output="grid", parents={"top": 3}),
    }
    latents = {
        site: VectorQuantizerLatent(12, 3, codes=8, projection=True) for site in ("top", "bottom")
    }
    decoder = ConvDecoder(
        DIGIT, {"top": 3, "bottom": 3}, BernoulliLikelihood(), [12], grids=["top", "bottom"]
    )
    model = LatentModel(encoders, latents, decoder, parents={"bottom": ["top"]})
    corpus = digits.load("train")
    batch = ImageBatch(corpus.images[:64], corpus.labels[:64])
    model.fit_statistics([batch])
    objective = Elbo(penalties={"commitment": 0.25, "codebook": 1.0})
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for step in range(200):
        output = model(batch)
        loss = objective(output.log_likelihood, output.sites, step).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    output = model.eval()(batch)
    assert output.sites["top"].codes.shape == (64, 2, 2)
    assert output.sites["bottom"].codes.shape == (64, 4, 4)
    mean = batch.images.mean(0).expand_as(batch.images)
    error = (output.predictions["pixels"] - batch.images).square().sum()
    assert error < 0.5 * (mean - batch.images).square().sum()
    # either level matters: the codes of another image do not do
    for site in ("top", "bottom"):
        swapped = {name: out.z for name, out in output.sites.items()}
        swapped[site] = swapped[site].roll(1, 0)
        assert model(batch, values=swapped).log_likelihood.mean() < output.log_likelihood.mean() - 2


def chain(classes=0):
    """Two Gaussian sites: the lower one's encoder reads the upper's z, and both the label."""
    encoders = {
        "upper": PerceptronEncoder(DIGIT, [8], classes=classes),
        "lower": PerceptronEncoder(DIGIT, [8], classes=classes, parents={"upper": 2}),
    }
    latents = {"upper": GaussianLatent(8, 2), "lower": GaussianLatent(8, 3, context_width=2)}
    named = dict.fromkeys(encoders, "labels") if classes else None
    return LatentModel(
        encoders,
        latents,
        perceptron({"upper": 2, "lower": 3}),
        parents={"lower": ["upper"]},
        encoder_conditions=named,
    )


@pytest.mark.parametrize("samples", [(5,), (2, 3)])
def test_draws_of_a_child_follow_their_own_parent(samples):
    model, batch = chain(classes=3), batch_of(DIGIT)
    upper = torch.randn(*samples, 4, 2)
    lower = torch.randn(*samples, 4, 3)
    both = {"upper": upper, "lower": lower}
    output = model(batch, sample_shape=samples, values=both)
    site = output.sites["lower"]
    assert site.z.shape == (*samples, 4, 3) and site.log_q.shape == (*samples, 4)
    assert torch.equal(site.z, lower)
    parts = [
        model(batch, values={"upper": u, "lower": v}).sites["lower"]
        for u, v in zip(upper.reshape(-1, 4, 2), lower.reshape(-1, 4, 3), strict=True)
    ]
    for name in ("log_q", "log_p"):
        alone = torch.stack([getattr(part, name) for part in parts]).reshape(*samples, 4)
        torch.testing.assert_close(getattr(site, name), alone)
    torch.testing.assert_close(site.kl, torch.stack([part.kl for part in parts]).mean(0))
    per_dim = torch.stack([part.kl_per_dim for part in parts]).mean(0)
    torch.testing.assert_close(site.kl_per_dim, per_dim)
    assert torch.equal(site.context, upper)


def test_importance_weights_over_a_chain_are_a_bound_that_rises():
    model, batch = chain(), batch_of(DIGIT, 2)
    with torch.no_grad():
        output = model(batch, sample_shape=(4000,))
        weights = log_weights(output.log_likelihood, output.sites)
        one = weights.mean(0)
        fifty = importance_bound(weights.reshape(50, 80, 2).flatten(1)).reshape(80, 2).mean(0)
    assert weights.shape == (4000, 2) and (fifty > one).all()


def test_wrong_parts_are_named():
    parts = {"z": PerceptronEncoder(DIGIT, [8])}, {"z": GaussianLatent(8, 3)}
    for option in ("conditions", "encoder_conditions", "parents"):
        with pytest.raises(ValueError, match=rf"{option} name unknown sites \['y'\]"):
            LatentModel(*parts, perceptron({"z": 3}), **{option: {"y": "labels"}})
    with pytest.raises(ValueError, match=r"declared before it, \[\], got \['z'\]; reorder"):
        LatentModel(*parts, perceptron({"z": 3}), parents={"z": ["z"]})
    model = vae(3)
    with pytest.raises(ValueError, match=r"encoder_conditions expected for .*\['z'\], got \[\]"):
        model.infer(torch.rand(2, *DIGIT))


class Blind(nn.Module):
    """Features that depend on nothing but the number of examples."""

    def forward(self, observation, mask, above):
        return torch.zeros(len(observation), 3, 3, 8)


def test_a_parent_must_be_coarser_than_its_child():
    model = LatentModel(
        {"a": ConvEncoder(DIGIT, [4, 4], output="grid"), "b": Blind()},
        {"a": GaussianLatent(4, 2), "b": GaussianLatent(8, 2, context_width=2)},
        perceptron({"b": 2}),
        parents={"b": ["a"]},
    )
    with pytest.raises(
        ValueError, match=r"'a' has steps \(2, 2\), which do not divide .* \(3, 3\)"
    ):
        model.infer(torch.rand(2, *DIGIT))


def test_state_round_trip_is_bit_identical():
    for conv in (False, True):
        one, two, batch = vae(3, conv=conv), vae(3, conv=conv), batch_of(DIGIT)
        one.fit_statistics([batch])
        two.load_state_dict(one.state_dict())
        scores = [model(batch, mode="mean").log_likelihood for model in (one, two)]
        assert torch.equal(*scores)
