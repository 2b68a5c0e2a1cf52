import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from tts_vae.classical import Gaussian, GaussianMixture

SHAPES = ("full", "tied", "diagonal", "spherical")
every_shape = pytest.mark.parametrize("covariance", SHAPES)


def clusters(n=600, width=4, count=3, apart=3.0):
    centres = apart * torch.randn(count, width, dtype=torch.float64)
    return 10 + centres.repeat(n // count, 1) + torch.randn(n, width, dtype=torch.float64)


def matrices(fit):
    """Covariances (components, width, width) whatever their shape."""
    components, width = fit.means.shape
    given, identity = fit.covariances, torch.eye(width, dtype=torch.float64)
    return {
        "full": lambda: given,
        "tied": lambda: given.expand(components, width, width),
        "diagonal": lambda: given.diag_embed(),
        "spherical": lambda: given[:, None, None] * identity,
    }[fit.covariance]()


@every_shape
def test_density_responsibilities_and_samples_are_those_of_torch(covariance):
    x = clusters()
    fit = GaussianMixture(3, covariance).fit(x)
    components = MultivariateNormal(fit.means, matrices(fit))
    mixture = MixtureSameFamily(Categorical(fit.weights), components)
    torch.testing.assert_close(fit.log_prob(x), mixture.log_prob(x), rtol=1e-9, atol=1e-9)
    joint = components.log_prob(x[:, None]) + fit.weights.log()
    shares = fit.responsibilities(x)
    torch.testing.assert_close(shares, joint.softmax(1), rtol=1e-7, atol=1e-9)
    assert fit.converged and fit.history[-1] == pytest.approx(fit.score(x), abs=1e-9)
    drawn = fit.sample(100_000, torch.Generator().manual_seed(0))
    spread = x.var(0).max()
    assert (drawn.mean(0) - x.mean(0)).abs().max() < 0.03 * spread.sqrt()
    got = fit.responsibilities(drawn).mean(0)
    assert (got - fit.weights).abs().max() < 0.02
    assert fit.score(drawn) == pytest.approx(fit.score(x), abs=0.1)


@every_shape
def test_one_step_by_hand(covariance):
    """The M step from given responsibilities, point by point."""
    x, regularisation = clusters(60), 0.01
    share = torch.rand(60, 3, dtype=torch.float64).softmax(1)
    model = GaussianMixture(3, covariance, regularisation=regularisation, max_iterations=1)
    step = model._maximise((x - x.mean(0)).T.contiguous(), share.T.contiguous())
    counts = share.sum(0)
    means = torch.stack([sum(share[n, k] * x[n] for n in range(60)) for k in range(3)])
    means = means / counts[:, None]
    scatter = torch.stack(
        [
            sum(share[n, k] * torch.outer(x[n] - means[k], x[n] - means[k]) for n in range(60))
            for k in range(3)
        ]
    )
    full = scatter / counts[:, None, None]
    identity = torch.eye(4, dtype=torch.float64)
    expected = {
        "full": full + regularisation * identity,
        "tied": scatter.sum(0) / 60 + regularisation * identity,
        "diagonal": full.diagonal(0, 1, 2) + regularisation,
        "spherical": full.diagonal(0, 1, 2).mean(1) + regularisation,
    }[covariance]
    torch.testing.assert_close(step.covariances, expected)
    torch.testing.assert_close(step.means + x.mean(0), means)
    torch.testing.assert_close(step.weights, counts / 60)


@every_shape
def test_it_recovers_what_made_the_points(covariance):
    centres = torch.tensor([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]], dtype=torch.float64)
    labels = torch.arange(3).repeat_interleave(torch.tensor([600, 300, 100]))
    x = centres[labels] + torch.randn(1000, 2, dtype=torch.float64)
    fit = GaussianMixture(3, covariance, restarts=3).fit(x)
    order = torch.cdist(centres, fit.means).argmin(1)
    assert (fit.means[order] - centres).abs().max() < 0.4
    assert (fit.weights[order] - torch.tensor([0.6, 0.3, 0.1])).abs().max() < 0.01
    assert (matrices(fit)[order] - torch.eye(2)).abs().max() < 0.4
    assert torch.equal(fit.responsibilities(x).argmax(1), order[labels])


@every_shape
def test_one_component_is_the_gaussian_and_columns_may_be_far_apart(covariance):
    scales = torch.tensor([1e-3, 1.0, 1e3, 1e4], dtype=torch.float64)
    x = torch.randn(500, 4, dtype=torch.float64) * scales + 1e6
    fit = GaussianMixture(1, covariance, regularisation=0.0).fit(x)
    torch.testing.assert_close(fit.means[0], x.mean(0))
    if covariance in ("full", "tied"):
        gaussian = Gaussian().fit(x)
        torch.testing.assert_close(matrices(fit)[0], gaussian.covariance, rtol=1e-8, atol=0)
        assert fit.score(x) == pytest.approx(gaussian.score(x), abs=1e-6)
    if covariance == "diagonal":
        # torch's own variance keeps only 7 digits of the first column
        exact = torch.from_numpy(x.numpy().astype("longdouble").var(0).astype("float64"))
        torch.testing.assert_close(fit.covariances[0], exact, rtol=1e-12, atol=0)


@every_shape
def test_narrow_clusters_far_apart_keep_their_width(covariance):
    """A million widths between clusters: sums of squares around one origin would keep 4 digits."""
    noise = torch.randn(2, 300, 3, dtype=torch.float64)
    x = torch.cat([noise[0] - 1e6, noise[1] + 1e6])
    fit = GaussianMixture(2, covariance, regularisation=0.0).fit(x)
    order = fit.means[:, 0].argsort()
    own = torch.stack([part.T.cov(correction=0) for part in (x[:300], x[300:])])
    expected = {
        "full": own,
        "tied": own.mean(0).expand(2, 3, 3),
        "diagonal": own.diagonal(0, 1, 2).diag_embed(),
        "spherical": own.diagonal(0, 1, 2).mean(1)[:, None, None] * torch.eye(3).double(),
    }[covariance]
    torch.testing.assert_close(matrices(fit)[order], expected, rtol=1e-7, atol=1e-8)
    halves = MultivariateNormal(fit.means[order], matrices(fit)[order])
    direct = halves.log_prob(x[:, None]).logsumexp(1) - torch.tensor(2.0).log()
    torch.testing.assert_close(fit.log_prob(x), direct, rtol=0, atol=1e-5)


def test_dense_and_sparse_answers_take_different_ways_to_the_same_covariances():
    from tts_vae.classical import moments

    x = clusters(900, width=9).T.contiguous()
    x = x - x.mean(1, keepdim=True)
    shares = torch.rand(3, 900, dtype=torch.float64)
    shares[1] *= torch.rand(900) < 0.1  # gathered
    shares[2] *= 1e-40 ** torch.rand(900, dtype=torch.float64)  # below rounding in part
    counts = shares.sum(1)
    means = shares @ x.T / counts[:, None]
    expected = torch.stack(
        [
            ((x - m[:, None]) * r) @ (x - m[:, None]).T / r.sum()
            for m, r in zip(means, shares, strict=True)
        ]
    )
    torch.testing.assert_close(moments.scatter_matrices(x, shares, counts, means), expected)
    pieces = moments.pieces(x, moments.CACHE_BYTES // 64)
    covered = [n for piece in pieces for n in range(900)[piece]]
    assert len(pieces) > 1 and covered == list(range(900))


def test_pieces_change_nothing(monkeypatch):
    from tts_vae.classical import moments

    x = clusters(999, width=5, apart=0.3)
    whole = GaussianMixture(3).fit(x)
    monkeypatch.setattr(moments, "CACHE_BYTES", 1)
    monkeypatch.setattr(moments, "ROWS", 2)
    parts = GaussianMixture(3).fit(x)
    torch.testing.assert_close(parts.covariances, whole.covariances)
    assert parts.history == pytest.approx(whole.history, abs=1e-10)


def test_the_bound_never_falls_even_where_regularisation_costs_likelihood():
    x = clusters(apart=0.5)
    fit = GaussianMixture(4, regularisation=0.5, tolerance=0.0, max_iterations=300).fit(x)
    assert (torch.tensor(fit.history, dtype=torch.float64).diff() > -1e-9).all()
    assert fit.history[-1] == pytest.approx(fit.score(x), abs=1e-9)
    assert fit.iterations == len(fit.history) - 1


def test_limits_and_convergence():
    x = clusters(apart=1.0)
    short = GaussianMixture(3, max_iterations=2, tolerance=0.0).fit(x)
    assert not short.converged and short.iterations == 2 and len(short.history) == 3
    long = GaussianMixture(3, tolerance=1e-3).fit(x)
    gains = torch.tensor(long.history, dtype=torch.float64).diff()
    assert long.converged and gains[-1] < 1e-3 and (gains[:-1] >= 1e-3).all()
    several = GaussianMixture(6, restarts=5).fit(x)
    assert several.history[-1] >= GaussianMixture(6).fit(x).history[-1]
    again = GaussianMixture(6, restarts=5).fit(x)
    assert torch.equal(again.means, several.means)


@every_shape
def test_float32_is_summed_in_float64(covariance):
    x = (clusters(3000) + 1000).float()
    narrow, wide = (GaussianMixture(3, covariance).fit(v) for v in (x, x.double()))
    assert narrow.means.dtype == narrow.covariances.dtype == torch.float64
    assert narrow.history == wide.history
    for value in (narrow.log_prob(x), narrow.responsibilities(x), narrow.sample(3)):
        assert value.dtype == torch.float32


@every_shape
def test_starts(covariance):
    x = clusters()
    base = GaussianMixture(3, covariance, max_iterations=1, tolerance=0.0)
    fit = GaussianMixture(3, covariance).fit(x)
    precisions = {
        "full": lambda c: torch.linalg.inv(c),
        "tied": lambda c: torch.linalg.inv(c),
        "diagonal": lambda c: 1 / c,
        "spherical": lambda c: 1 / c,
    }[covariance](fit.covariances)
    going_on = base.fit(x, means=fit.means, precisions=precisions, weights=5 * fit.weights)
    assert going_on.history[0] == pytest.approx(fit.history[-1], abs=1e-9)
    by_shares = base.fit(x, responsibilities=fit.responsibilities(x))
    assert by_shares.history[0] >= fit.history[-1] - 1e-9
    alone = base.fit(x, means=x[:3])
    assert alone.history[1] > alone.history[0] and alone.weights.isfinite().all()
    near = (x[:, None] - x[:3]).square().sum(-1).argmin(1)
    around = (x - x[near]).square().mean() + 1e-6
    if covariance == "spherical":
        flat = MixtureSameFamily(
            Categorical(torch.ones(3).double()),
            MultivariateNormal(x[:3], around * torch.eye(4).double()),
        )
        assert alone.history[0] == pytest.approx(flat.log_prob(x).mean().item(), abs=1e-9)


def test_a_component_without_points_harms_nobody():
    x = clusters(count=2)
    far = torch.cat([x[:2], x[:1] + 1e5])
    fit = GaussianMixture(3, regularisation=1e-3).fit(x, means=far)
    assert fit.weights[2] < 1e-12 and fit.weights.sum() == pytest.approx(1.0)
    assert fit.log_prob(x).isfinite().all() and fit.means.isfinite().all()


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"components": 0}, "components must be at least 1, got 0"),
        ({"covariance": "diag"}, "one of full, tied, diagonal, spherical, got 'diag'; choose one"),
        ({"regularisation": -1e-3}, "regularisation must be at least 0.0, got -0.001"),
        ({"tolerance": float("nan")}, "tolerance must be at least 0.0, got nan"),
        ({"max_iterations": 0}, "max_iterations must be at least 1, got 0"),
        ({"restarts": 0}, "restarts must be at least 1, got 0"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(**({"components": 2} | settings))


@every_shape
def test_singular_covariances(covariance):
    x = clusters()
    x[:, 2] = 5.0
    if covariance != "spherical":
        with pytest.raises(
            ValueError, match=r"column 2 is constant.*raise regularisation \(now 0\)"
        ):
            GaussianMixture(3, covariance, regularisation=0.0).fit(x)
    assert GaussianMixture(3, covariance).fit(x).log_prob(x).isfinite().all()
    same = torch.ones(5, 4)
    with pytest.raises(ValueError, match="singular.*raise regularisation"):
        GaussianMixture(2, covariance, regularisation=0.0).fit(same)
    assert GaussianMixture(2, covariance).fit(same).means.tolist() == [[1.0] * 4] * 2


def test_bad_points_and_starts():
    x, model = clusters(), GaussianMixture(3)
    with pytest.raises(ValueError, match="at least 3 points for 3 components, got 2; give more"):
        model.fit(x[:2])
    with pytest.raises(ValueError, match="2400 NaN"):
        model.fit(x * float("nan"))
    with pytest.raises(ValueError, match=r"call fit\(x\) first"):
        model.responsibilities(x)
    with pytest.raises(
        ValueError, match=r"starting means must be finite and \(3, 4\), got \(2, 4\)"
    ):
        model.fit(x, means=x[:2])
    with pytest.raises(ValueError, match="need means beside them; give means"):
        model.fit(x, weights=torch.ones(3))
    with pytest.raises(ValueError, match="got both; give one"):
        model.fit(x, means=x[:3], responsibilities=torch.ones(600, 3) / 3)
    with pytest.raises(ValueError, match="weights must be positive"):
        model.fit(x, means=x[:3], weights=torch.tensor([1.0, 0.0, 1.0]))
    with pytest.raises(ValueError, match=r"precisions must be finite and \(3, 4, 4\)"):
        model.fit(x, means=x[:3], precisions=torch.ones(3, 4))
    with pytest.raises(ValueError, match="precisions must be positive definite"):
        model.fit(x, means=x[:3], precisions=-torch.eye(4).repeat(3, 1, 1))
    with pytest.raises(ValueError, match="precisions must be symmetric"):
        model.fit(x, means=x[:3], precisions=torch.ones(4, 4).triu().repeat(3, 1, 1))
    with pytest.raises(ValueError, match="precisions must be positive; give 1 / variance"):
        GaussianMixture(3, "spherical").fit(x, means=x[:3], precisions=torch.zeros(3))
    with pytest.raises(ValueError, match="sum to 1 in each row; normalise them"):
        model.fit(x, responsibilities=torch.ones(600, 3))
    with pytest.raises(ValueError, match="restarts=1 with a start of your own, got 2"):
        GaussianMixture(3, restarts=2).fit(x, means=x[:3])
    with pytest.raises(ValueError, match="width 4 as in fit, got 3"):
        model.fit(x).log_prob(x[:, :3])
    with pytest.raises(ValueError, match="n must be at least 1"):
        model.sample(0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@every_shape
def test_a_device_gives_the_same_fit(covariance):
    x = clusters()
    here, there = (GaussianMixture(3, covariance).fit(v) for v in (x, x.cuda()))
    torch.testing.assert_close(there.means.cpu(), here.means)
    torch.testing.assert_close(there.covariances.cpu(), here.covariances)
    assert there.sample(3).is_cuda and there.responsibilities(x.cuda()).is_cuda
    with pytest.raises(ValueError, match="move them with"):
        there.log_prob(x)
