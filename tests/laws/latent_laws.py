"""Laws of latents.md as functions that raise AssertionError; numbers refer to its list.

They take a latent (or what builds one), so that test_laws_can_fail.py can hand them a broken one.
"""

import io
import math
from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from tts_vae.latents import GaussianLatent, Latent, LatentOutput, MixtureLatent

from .table import FEATURES, WIDTH, Row, features

TIGHT = {"rtol": 1e-10, "atol": 1e-10}


def same(first: Tensor, second: Tensor, what: str, **tolerance: float) -> None:
    """Raise AssertionError unless the tensors agree."""
    torch.testing.assert_close(
        first, second, **(tolerance or TIGHT), msg=lambda text: f"{what}: {text}"
    )


def terms(output: LatentOutput) -> dict[str, Tensor]:
    """Every per-example term of an outcome."""
    named = {"z": output.z, "log_q": output.log_q, "log_p": output.log_p, "kl": output.kl}
    return named | output.penalties


def monte_carlo(ratio: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over draws (samples, batch) and five standard errors of it."""
    return ratio.mean(0), 5 * ratio.std(0) / math.sqrt(len(ratio)) + 1e-9


def kl_is_its_expectation(latent: Latent, row: Row, draws: int = 20_000) -> None:
    """Law 1: KL agrees with E_q[log q - log p], or with that of (z, c) jointly; KL(q||q) = 0."""
    torch.manual_seed(2)
    with torch.no_grad():
        output = latent(features(), **row.given(), sample_shape=(draws,))
        posterior = output.posterior
        assert posterior is not None and output.prior is not None
        expected, error = monte_carlo(output.log_q - output.log_p)
        if row.kl_is_exact:
            assert ((output.kl - expected).abs() <= error).all(), (output.kl, expected, error)
        else:
            assert (output.kl >= expected - error).all(), "KL falls below KL(q || p)"
        if isinstance(latent, MixtureLatent) and latent.responsibilities == "average":
            joint, error = monte_carlo(_joint_ratio(latent, output.z, posterior))
            assert ((output.kl - joint).abs() <= error + 1e-3).all(), (output.kl, joint, error)
        if output.kl_per_dim is not None and row.kl_is_exact:
            same(output.kl_per_dim.sum(-1), output.kl, "KL is not the sum of its dimensions")
        try:
            own = kl_divergence(posterior, posterior)
        except NotImplementedError:  # a chain: its divergence is the latent's own
            own = latent.divergence(posterior, posterior, output.z).nats
        same(own, torch.zeros_like(own), "KL(q || q)")


def _joint_ratio(latent: MixtureLatent, z: Tensor, posterior: Distribution) -> Tensor:
    """Draws of log q(z) q(c) / p(z, c) with q(c) = E_q p(c | z), by brute force."""
    prior = latent.prior(posterior.batch_shape)
    joint = prior.component_distribution.log_prob(z.unsqueeze(-2)) + latent.log_weights
    q_c = torch.softmax(joint, -1).mean(0)
    component = torch.multinomial(q_c, len(z), replacement=True).T
    log_joint = joint.gather(-1, component.unsqueeze(-1)).squeeze(-1)
    log_q_c = q_c.log().gather(-1, component.T).T
    return posterior.log_prob(z) + log_q_c - log_joint


def one_component_is_gaussian(
    make_mixture: Callable[[], MixtureLatent] = lambda: MixtureLatent(FEATURES, WIDTH, 1),
) -> None:
    """Law 3: a mixture of one component at N(0, I) equals the Gaussian latent."""
    mixture = make_mixture().double()
    mixture.initialise(torch.zeros(1, WIDTH), torch.ones(1, WIDTH))
    gaussian = GaussianLatent(FEATURES, WIDTH).double()
    gaussian.posterior_head.load_state_dict(mixture.posterior_head.state_dict())
    outputs = []
    for latent in (mixture, gaussian):
        generator = torch.Generator().manual_seed(3)
        outputs.append(latent(features(5), sample_shape=(2,), generator=generator))
    for name, value in terms(outputs[0]).items():
        same(value, terms(outputs[1])[name], name, rtol=1e-6, atol=1e-6)
    assert outputs[0].kl_per_dim is not None and outputs[1].kl_per_dim is not None
    same(outputs[0].kl_per_dim, outputs[1].kl_per_dim, "kl_per_dim", rtol=1e-6, atol=1e-6)


def permutation_changes_nothing(mixture: MixtureLatent) -> None:
    """Law 3: the order of the components changes no term."""
    order = torch.randperm(mixture.components, generator=torch.Generator().manual_seed(8))
    value = torch.randn(6, WIDTH, dtype=torch.float64)
    before = mixture(features(), value=value)
    with torch.no_grad():
        for parameter in (mixture.means, mixture.raw_scales, mixture.logits):
            parameter.copy_(parameter[order].clone())
    after = mixture(features(), value=value)
    for name, term in terms(before).items():
        same(term, terms(after)[name], name)
    shares = before.statistics["responsibilities"][:, order]
    same(shares, after.statistics["responsibilities"], "responsibilities")


def neighbours_change_nothing(latent: Latent, row: Row) -> None:
    """Law 4: alone, in a batch, or in a doubled batch, an example has the same terms."""
    for steps in ((), (3,)):
        x = features(*steps)
        given = row.given()
        value = torch.randn(*x.shape[:-1], WIDTH, dtype=x.dtype)
        for clamp in (None, value):
            full = terms(latent(x, **given, mode="mean", value=clamp))
            twice = latent(
                torch.cat([x, x]),
                **{name: torch.cat([tensor, tensor]) for name, tensor in given.items()},
                mode="mean",
                value=None if clamp is None else torch.cat([clamp, clamp]),
            )
            for name, term in terms(twice).items():
                same(term, torch.cat([full[name], full[name]]), f"doubled batch, {name}")
            for i in range(len(x)):
                one = slice(i, i + 1)
                alone = latent(
                    x[one],
                    **{name: tensor[one] for name, tensor in given.items()},
                    mode="mean",
                    value=None if clamp is None else clamp[one],
                )
                for name, term in terms(alone).items():
                    same(term, full[name][one], f"alone, {name}")


def padding_changes_nothing(latent: Latent, row: Row) -> None:
    """Law 5: masked steps, whatever they hold, change no outcome, not even the draw at one seed."""
    x = features(4)
    mask = torch.arange(4) < torch.tensor([4, 1, 2, 3, 4, 2]).unsqueeze(-1)
    rubbish = torch.full((len(x), 3, FEATURES), math.nan, dtype=x.dtype)
    padded = torch.cat([x, rubbish], 1)
    padded_mask = torch.cat([mask, torch.zeros(len(x), 3, dtype=torch.bool)], 1)
    other = torch.where(mask.unsqueeze(-1), x, 1e3)
    for mode in ("mean", "sample"):
        outputs = []
        for given, given_mask in ((x, mask), (padded, padded_mask), (other, mask)):
            torch.manual_seed(4)
            outputs.append(
                latent(
                    given,
                    **row.given(),
                    mask=given_mask,
                    mode=mode,
                    sample_shape=(2,),
                )
            )
        short = outputs[0]
        for long in outputs[1:]:
            assert (long.z[:, :, 4:] == 0).all(), "z on padding is not 0"
            same(long.z[:, :, :4], short.z, f"z, {mode}")
            for name, value in terms(short).items():
                if name != "z":
                    same(terms(long)[name], value, f"{name}, {mode}")
            for name, value in short.statistics.items():
                same(long.statistics[name], value, f"{name}, {mode}")
            if short.kl_per_dim is not None and long.kl_per_dim is not None:
                same(long.kl_per_dim[:, :4], short.kl_per_dim, f"kl_per_dim, {mode}")
                assert (long.kl_per_dim[:, 4:] == 0).all(), "kl_per_dim on padding is not 0"
            if short.codes is not None and long.codes is not None:
                assert torch.equal(long.codes[:, :4], short.codes), f"codes, {mode}"
                assert (long.codes[:, 4:] == -1).all(), "codes on padding are not -1"


def seed_decides(latent: Latent, row: Row) -> None:
    """Law 6: same seed, same z; another seed, another z and another decoder output."""
    decoder = torch.randn(WIDTH, 5, dtype=torch.float64)

    def inferred(seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return latent(features(), **row.given(), generator=generator).z

    def drawn(seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return latent.sample((7,), **row.given(), generator=generator)

    draws = [inferred, drawn] if row.stochastic else []
    draws += [drawn] if latent.components and not row.stochastic else []
    for draw in draws:
        assert torch.equal(draw(1), draw(1)), "same seed, different z"
        moved = (draw(1) - draw(2)) @ decoder
        share = (moved.abs() > 1e-9).double().mean()
        enough = 0.5 if row.may_coincide else 1.0
        assert share >= enough, f"different seed, same decoder output: {1 - share:.0%}"
    still = [latent(features(), **row.given(), mode="mean").z for _ in range(2)]
    assert torch.equal(*still), "mode='mean' is random"


def state_round_trip(make: Callable[[], Latent], row: Row) -> None:
    """Law 10: what state_dict saves gives bit-identical outputs in a fresh object."""
    torch.manual_seed(5)
    latent = make().double()
    with torch.no_grad():
        for tensor in (*latent.parameters(), *latent.buffers()):
            if tensor.is_floating_point():
                tensor.add_(torch.rand_like(tensor))  # at least 0: some are counts
    file = io.BytesIO()
    torch.save(latent.state_dict(), file)
    file.seek(0)
    fresh = make().double()
    fresh.load_state_dict(torch.load(file, weights_only=True))
    for training, mode in product((False, True), ("mean", "sample")):
        outputs = []
        for each in (latent.train(training), fresh.train(training)):
            torch.manual_seed(6)
            outputs.append(terms(each(features(3), **row.given(), mode=mode)))
        for name, value in outputs[0].items():
            assert torch.equal(value, outputs[1][name]), f"{name} differs after a round trip"
