"""Codes of one codebook: shapes, precision, masks, messages and the traps of published code."""

import copy
import itertools

import pytest
import torch

from tts_vae.latents import ResidualQuantizerLatent, VectorQuantizerLatent


def vq(**options):
    return VectorQuantizerLatent(6, 4, 10, **{"projection": True, **options})


def rvq(**options):
    return ResidualQuantizerLatent(6, 4, 3, 10, **{"projection": True, **options})


every_kind = pytest.mark.parametrize("build", [vq, rvq])
every_form = pytest.mark.parametrize(
    ("build", "update"), list(itertools.product([vq, rvq], ["codebook", "ema"]))
)


def widest(build):
    return build(kmeans_start=False).eval()


@every_form
@pytest.mark.parametrize("steps", [(), (5,), (2, 3)])
@pytest.mark.parametrize("samples", [(), (7,), (2, 2)])
def test_shapes(build, update, steps, samples):
    output = build(update=update)(torch.randn(3, *steps, 6), sample_shape=samples)
    levels = (3,) if build is rvq else ()
    assert output.z.shape == (*samples, 3, *steps, 4)
    assert output.codes.shape == (3, *steps, *levels) and output.codes.dtype == torch.int64
    assert output.log_q.shape == output.log_p.shape == (*samples, 3)
    assert output.kl.shape == (3,) and not output.kl.any()
    names = {"commitment"} | ({"codebook"} if update == "codebook" else set())
    assert set(output.penalties) == names
    assert all(value.shape == (3,) for value in output.penalties.values())
    assert set(output.statistics) == {"perplexity", "used_codes"}
    assert all(value.shape == levels for value in output.statistics.values())
    assert output.posterior is None and output.prior is None


@every_form
def test_penalties_are_sums_of_squares_in_training_and_in_eval(build, update):
    """The trap: libraries return a loss of 0 in eval mode, so validation looks perfect."""
    latent = build(update=update, kmeans_start=False)
    x = torch.randn(3, 5, 6)
    training, evaluated = latent(x), latent.eval()(x)
    residual = latent.project(x).detach()
    expected = torch.zeros(3)
    tables = latent.codebooks if build is rvq else [latent.codebook]
    codes = evaluated.codes if build is rvq else evaluated.codes.unsqueeze(-1)
    for level, codebook in enumerate(tables):
        residual = residual - codebook.vectors.detach()[codes[..., level]]
        expected += residual.square().sum((1, 2))
    assert (expected > 0.1).all()
    for value in evaluated.penalties.values():
        torch.testing.assert_close(value.detach(), expected)
    if update == "codebook":
        for name, value in training.penalties.items():
            torch.testing.assert_close(value, evaluated.penalties[name])
    else:
        assert (training.penalties["commitment"] > 0.1).all()


@every_kind
def test_indices_are_never_rounded(build):
    """The trap: bf16 holds integers up to 256 only, so code 257 becomes 256 or 258."""
    latent = VectorQuantizerLatent(2, 2, 1000, kmeans_start=False)
    if build is rvq:
        latent = ResidualQuantizerLatent(2, 2, 1, 1000, "codebook", kmeans_start=False)
    vectors = torch.cartesian_prod(torch.arange(25.0), torch.arange(40.0))  # exact in bf16
    codebook = latent.codebooks[0] if build is rvq else latent.codebook
    with torch.no_grad():
        codebook.vectors.copy_(vectors)
    for each in (latent, copy.deepcopy(latent).bfloat16()):
        with torch.autocast("cpu", torch.bfloat16):
            output = each(vectors.bfloat16())
        assert output.codes.flatten().tolist() == list(range(1000))
        assert output.codes.dtype == torch.int64 and output.z.dtype == torch.float32
        assert torch.equal(output.z, vectors)
        assert output.statistics["used_codes"].item() == 1000
    with pytest.raises(ValueError, match="codes must be integers, got torch.bfloat16"):
        latent.codes_to_z(output.codes.bfloat16())


@every_kind
@pytest.mark.parametrize("bad", [10, 99, -2])
def test_a_code_out_of_range(build, bad):
    latent = widest(build)
    codes = latent(torch.randn(2, 5, 6)).codes
    codes[1, 3] = bad
    with pytest.raises(ValueError, match=f"codes must lie in 0 to 9, or be -1 .*got .*{bad}"):
        latent.codes_to_z(codes)
    with pytest.raises(ValueError, match="component 10 does not exist; valid: 0 to 9"):
        latent.component(10)


@every_kind
def test_codes_stand_for_z(build):
    latent = widest(build)
    mask = torch.tensor([[True, True, False], [True, False, False]])
    output = latent(torch.randn(2, 3, 6), mask=mask)
    assert torch.equal(latent.codes_to_z(output.codes), output.z)
    assert (output.codes[~mask] == -1).all() and not output.z[~mask].any()
    assert torch.equal(latent.codes_to_z(output.codes.int()), output.z)
    assert latent.codes_to_z(output.codes[:0]).shape == (0, 3, 4)
    assert latent.code_count == latent.components == 10


@every_kind
def test_a_mask_of_all_padding(build):
    latent = build(kmeans_start=False)
    with pytest.raises(ValueError, match="no real step"):
        latent(torch.randn(2, 3, 6), mask=torch.zeros(2, 3, dtype=torch.bool))
    mask = torch.tensor([[True, True, True], [False, False, False]])
    output = latent(torch.randn(2, 3, 6), mask=mask)
    assert not output.z[1].any() and (output.codes[1] == -1).all()
    assert all(value[1] == 0 and value[0] > 0 for value in output.penalties.values())


@every_kind
def test_padding_is_not_counted_nor_learned(build):
    """Padding of a constant would otherwise own a code, and drag it about."""
    x, mask = torch.randn(4, 6, 6), torch.arange(6) < torch.tensor([[6], [2], [1], [3]])
    torch.manual_seed(1)
    latent = build(update="ema")
    twin = copy.deepcopy(latent)
    for _ in range(3):
        torch.manual_seed(2)
        latent(torch.where(mask.unsqueeze(-1), x, 1e3), mask=mask)
        torch.manual_seed(2)
        packed = twin(x[mask])
    for name, value in latent.state_dict().items():
        torch.testing.assert_close(value, twin.state_dict()[name], msg=name)
    assert packed.codes.shape[0] == 12
    codebook = latent.codebooks[0] if build is rvq else latent.codebook
    assert codebook.recent.sum() == 36


@every_form
def test_training_resumes_where_it_stood(build, update):
    """Counts, patience and start are state: with and without an interruption are the same."""

    def step(latent, seed):
        torch.manual_seed(seed)
        return latent(torch.randn(8, 6)).z

    torch.manual_seed(0)
    latent = build(update=update, revival_patience=5, revival_threshold=0.9)
    for seed in range(7):
        step(latent, seed)
    fresh = build(update=update, revival_patience=5, revival_threshold=0.9)
    fresh.load_state_dict(latent.state_dict())
    before = {name: value.clone() for name, value in fresh.state_dict().items()}
    for seed in range(7, 12):
        assert torch.equal(step(latent, seed), step(fresh, seed))
    for name, value in latent.state_dict().items():
        assert torch.equal(value, fresh.state_dict()[name]), name
    moved = [name for name, value in fresh.state_dict().items() if (value != before[name]).any()]
    assert any("vectors" in name for name in moved), "a revival lies between"


@every_kind
def test_prior_samples(build):
    latent = widest(build)
    draws = latent.sample((4000,), generator=torch.Generator().manual_seed(1))
    assert draws.shape == (4000, 4) and not draws.requires_grad
    torch.testing.assert_close(draws.mean(0), latent.centre().detach(), atol=0.1, rtol=0)
    cold = latent.sample((3,), temperature=0.0)
    torch.testing.assert_close(cold, latent.centre().detach().expand(3, 4))
    pairs = [
        latent.sample((2, 5), temperature=t, generator=torch.Generator().manual_seed(1))
        for t in (1.0, 0.5)
    ]
    centre = latent.centre().detach()
    torch.testing.assert_close(pairs[1] - centre, 0.5 * (pairs[0] - centre))
    for wrong in ({"condition": torch.zeros(2)}, {"context": torch.zeros(2, 3)}):
        with pytest.raises(ValueError, match=f"but got a {next(iter(wrong))}"):
            latent.sample((2,), **wrong)
    with pytest.raises(ValueError, match="temperature"):
        latent.sample((2,), temperature=-1.0)


def test_samples_use_every_code_alike():
    latent = widest(vq)
    draws = latent.sample((5000,))
    own = torch.stack([latent.component(k) for k in range(10)])
    hits = (draws.unsqueeze(1) == own).all(-1)
    assert (hits.sum(1) == 1).all()
    assert (hits.sum(0) / 5000).tolist() == pytest.approx([0.1] * 10, abs=0.02)


@every_kind
def test_a_clamped_value(build):
    latent = widest(build)
    x, value = torch.randn(2, 3, 6), torch.randn(2, 3, 4)
    output, free = latent(x, value=value), latent(x)
    assert torch.equal(output.z, value) and torch.equal(output.codes, free.codes)
    assert torch.equal(output.penalties["commitment"], free.penalties["commitment"])


def test_the_gradient_reaches_projection_and_codebook():
    latent = vq(kmeans_start=False)
    output = latent(torch.randn(4, 6))
    (output.z.square().sum() + sum(p.sum() for p in output.penalties.values())).backward()
    for name, parameter in latent.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


def test_only_a_learned_codebook_is_a_parameter():
    names = [name for name, _ in vq(update="ema").named_parameters()]
    assert names == ["project.weight", "project.bias"]
    assert [n for n, _ in vq(update="codebook").named_parameters() if "codebook" in n] == [
        "codebook.vectors"
    ]


def test_cosine_codes_have_unit_length_and_ignore_scale():
    latent = vq(normalised=True, update="ema")
    x = torch.randn(40, 6)
    latent(x), latent(x)
    latent.eval()
    lengths = latent.codebook.vectors.norm(dim=-1)
    torch.testing.assert_close(lengths, torch.ones(10))
    with torch.no_grad():
        latent.project.bias.zero_()
    assert torch.equal(latent(x).codes, latent(7 * x).codes)
    cosines = torch.nn.functional.cosine_similarity(
        latent.project(x).unsqueeze(1), latent.codebook.vectors, dim=-1
    )
    assert torch.equal(latent(x).codes, cosines.argmax(1))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (
            lambda: VectorQuantizerLatent(6, 4),
            "without a projection .* got 6 and 4; set projection",
        ),
        (lambda: vq(update="none"), "update must be"),
        (lambda: VectorQuantizerLatent(4, 4, 0), "codes and width must be at least 1"),
        (lambda: ResidualQuantizerLatent(4, 4, 0), "levels must be at least 1, got 0"),
        (lambda: rvq(level_dropout=1.5), "level_dropout must lie in 0 to 1"),
        (lambda: vq()(torch.randn(2, 6), condition=torch.zeros(2)), "has no conditional prior"),
        (lambda: vq()(torch.randn(2, 6), mode="best"), "mode must be"),
        (lambda: vq()(torch.randn(2, 6), sample_shape=(0,)), "sample_shape"),
        (lambda: vq()(torch.full((2, 6), torch.nan)), "all finite"),
        (lambda: rvq().codes_to_z(torch.zeros(2, 4, dtype=torch.int64)), r"\(\.\.\., 3\), got"),
    ],
)
def test_messages(build, words):
    with pytest.raises(ValueError, match=words):
        build()
