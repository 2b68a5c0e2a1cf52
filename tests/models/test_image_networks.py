import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from tts_vae.data.images import ImageBatch
from tts_vae.models.image.convolutional import ConvDecoder, ConvEncoder
from tts_vae.models.image.perceptron import PerceptronDecoder, PerceptronEncoder
from tts_vae.models.likelihoods import BernoulliLikelihood, GaussianLikelihood

DIGIT, MNIST = [1, 8, 8], [1, 28, 28]


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


# ---- encoders


@pytest.mark.parametrize(
    ("shape", "channels", "strides", "grid"),
    [
        (DIGIT, [5], None, (4, 4)),
        (DIGIT, [5, 7], None, (2, 2)),
        (MNIST, [5, 7], None, (7, 7)),
        (MNIST, [5, 6, 7], [2, 1, 2], (7, 7)),
        (MNIST, [5, 7], [4, 7], (1, 1)),
        ([3, 8, 12], [5], [4], (2, 3)),
    ],
)
def test_grids_are_the_image_over_the_strides(shape, channels, strides, grid):
    encoder = ConvEncoder(shape, channels, strides, output="grid")
    features = encoder(torch.rand(2, *shape), None)
    assert features.shape == (2, *grid, channels[-1]) and encoder.grid == grid
    assert encoder.feature_width == channels[-1]
    decoder = ConvDecoder(
        shape,
        {"z": 4},
        BernoulliLikelihood(),
        channels[::-1],
        None if strides is None else strides[::-1],
        grids=["z"],
    )
    assert decoder.generate({"z": torch.randn(2, *grid, 4)}).shape == (2, *shape)


def test_vectors_have_the_width_asked_for():
    images = torch.rand(2, *MNIST)
    assert PerceptronEncoder(MNIST, [20, 11])(images, None).shape == (2, 11)
    assert PerceptronEncoder(MNIST, [20, 11]).feature_width == 11
    assert ConvEncoder(MNIST, [4, 6], feature_width=13)(images, None).shape == (2, 13)
    assert ConvEncoder(MNIST, [4, 6])(images, None).shape == (2, 6)


def test_cell_of_a_grid_is_where_its_pixels_are():
    encoder = ConvEncoder(MNIST, [4, 6], blocks=0, output="grid").eval()
    blank = torch.zeros(1, *MNIST)
    dotted = blank.clone()
    dotted[0, 0, 2, 25] = 1.0  # row 2, column 25: the cell in row 0, column 6
    moved = (encoder(dotted, None) - encoder(blank, None)).abs().sum(-1)[0]
    assert moved[0, 6] > 0
    assert moved[2:].max() == 0 and moved[:, :5].max() == 0


@pytest.mark.parametrize("conv", [False, True])
def test_start_keeps_the_variance_of_signals(conv):
    images = torch.randn(500, *MNIST)
    for activation, low, high in (("tanh", 0.15, 1.0), ("relu", 0.15, 3.0)):
        if conv:
            encoder = ConvEncoder(MNIST, [16, 32], blocks=1, activation=activation)
        else:
            encoder = PerceptronEncoder(MNIST, [300, 300, 300], activation=activation)
        assert low < encoder(images, None).std().item() < high


def test_tanh_perceptron_starts_as_glorot_and_bengio():
    layer = PerceptronEncoder(MNIST, [200, 100]).rest[1]
    limit = (6 / 300) ** 0.5
    assert layer.weight.abs().max() <= limit
    assert layer.weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.03)
    assert layer.bias.abs().max() == 0


# ---- decoders


def test_pixels_are_summed_cross_entropies():
    batch, z = batch_of(DIGIT), torch.randn(4, 3)
    for decoder in (perceptron({"z": 3}), convolutional({"z": 3})):
        terms, predictions = decoder(batch, {"z": z})
        assert terms.keys() == {"pixels"} and list(predictions) == ["pixels"]
        logits = decoder.locations({"z": z}, None)
        cost = binary_cross_entropy_with_logits(logits, batch.images, reduction="none")
        torch.testing.assert_close(terms["pixels"], -cost.sum((1, 2, 3)))
        torch.testing.assert_close(predictions["pixels"], torch.sigmoid(logits))
        assert torch.equal(predictions["pixels"], decoder.generate({"z": z}))
        assert len(predictions) == 1 and not predictions["pixels"].requires_grad
        with pytest.raises(KeyError):
            predictions["mels"]


@pytest.mark.parametrize("samples", [(1,), (5,), (2, 3)])
@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("make", [perceptron, convolutional])
def test_draws_are_scored_as_one_by_one(make, classes, samples):
    decoder, batch = make({"a": 3, "b": 2}, classes), batch_of(DIGIT)
    values = {"a": torch.randn(*samples, 4, 3), "b": torch.randn(*samples, 4, 2)}
    terms, predictions = decoder(batch, values)
    assert terms["pixels"].shape == (*samples, 4)
    assert predictions["pixels"].shape == (*samples, 4, *DIGIT)
    flat = {name: z.reshape(-1, *z.shape[-2:]) for name, z in values.items()}
    for draw, expected in enumerate(terms["pixels"].reshape(-1, 4)):
        alone, _ = decoder(batch, {name: z[draw] for name, z in flat.items()})
        torch.testing.assert_close(alone["pixels"], expected, rtol=1e-5, atol=1e-4)


def test_all_draws_go_through_the_network_in_one_call():
    decoder, seen = perceptron({"z": 3}), []
    decoder.first.register_forward_hook(lambda module, given, out: seen.append(given[0].shape))
    decoder(batch_of(DIGIT), {"z": torch.randn(50, 4, 3)})
    assert seen == [(200, 3)]


@pytest.mark.parametrize("make", [perceptron, convolutional])
def test_reads_only_the_leading_columns(make):
    decoder, batch = make({"z": 7}, reads=3), batch_of(DIGIT)
    z = torch.randn(5, 4, 7, requires_grad=True)
    terms, _ = decoder(batch, {"z": z})
    (gradient,) = torch.autograd.grad(terms["pixels"].sum(), z)
    assert (gradient[..., :3].abs().sum((0, 1)) > 0).all() and gradient[..., 3:].abs().max() == 0


@pytest.mark.parametrize("make", [perceptron, convolutional])
def test_every_site_and_the_label_reach_the_pixels(make):
    decoder = make({"a": 3, "b": 2}, 3)
    values = {"a": torch.randn(4, 3), "b": torch.randn(4, 2)}
    labels = torch.tensor([0, 1, 2, 0])
    base = decoder.generate(values, labels)
    for name, z in values.items():
        assert not torch.allclose(decoder.generate(values | {name: z + 1}, labels), base)
    changed = decoder.generate(values, torch.tensor([0, 1, 2, 1]))
    assert torch.equal(changed[:3], base[:3]) and not torch.allclose(changed[3], base[3])


def test_vectors_and_grids_of_two_levels_meet():
    widths = {"style": 2, "top": 3, "bottom": 4}
    decoder = ConvDecoder(
        MNIST, widths, BernoulliLikelihood(), channels=[8, 6], grids=["top", "bottom"]
    )
    batch = batch_of(MNIST, 2)
    values = {
        "style": torch.randn(5, 2, 2),
        "top": torch.randn(5, 2, 1, 1, 3),
        "bottom": torch.randn(5, 2, 7, 7, 4),
    }
    for z in values.values():
        z.requires_grad_()
    terms, predictions = decoder(batch, values)
    assert terms["pixels"].shape == (5, 2) and predictions["pixels"].shape == (5, 2, *MNIST)
    for gradient in torch.autograd.grad(terms["pixels"].sum(), list(values.values())):
        assert (gradient.abs().sum(-1) > 0).all()


def test_a_coarse_grid_lies_over_its_own_pixels():
    decoder = ConvDecoder(
        DIGIT, {"z": 2}, GaussianLikelihood(1.0), channels=[6], blocks=0, grids=["z"]
    )
    z = torch.zeros(1, 2, 2, 2)
    other = z.clone()
    other[0, 0, 1] = 1.0  # upper right
    moved = (decoder.generate({"z": other}) - decoder.generate({"z": z})).abs()[0, 0]
    assert moved[:4, 4:].min() > 0
    assert moved[7].max() == 0 and moved[:, 0].max() == 0


@pytest.mark.parametrize(
    ("decoder", "exact"), [(perceptron({"z": 3}), True), (convolutional({"z": 3}), False)]
)
def test_training_starts_at_the_mean_image(decoder, exact):
    batches = [batch_of(DIGIT, 40), batch_of(DIGIT, 7)]
    mean = torch.cat([batch.images for batch in batches]).mean(0)
    decoder.fit_statistics(batches)
    for layer in decoder.modules():  # what the network adds is 0 with weights of 0
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.zeros_(layer.weight)
    start = decoder.generate({"z": torch.zeros(1, 3)})[0]
    if exact:
        torch.testing.assert_close(start, mean.clamp(0.001, 0.999))
    else:
        assert start.mean().item() == pytest.approx(mean.mean().item(), abs=0.02)


IMAGES, LABELS = torch.rand(2, *DIGIT), torch.tensor([0, 1])
Z = {"z": torch.randn(2, 3)}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PerceptronEncoder([8, 8], [4]), r"\[channels, height, width\], positive, got"),
        (lambda: PerceptronEncoder(DIGIT, []), "units of at least one layer"),
        (lambda: PerceptronEncoder(DIGIT, [4], activation="sine"), "tanh, relu, .* got 'sine'"),
        (lambda: PerceptronEncoder(DIGIT, [4], classes=-1), "classes must be at least 0, got -1"),
        (lambda: ConvEncoder(MNIST, [4, 4, 4]), r"do not divide 28 x 28 .* 7 x 7"),
        (lambda: ConvEncoder(DIGIT, []), "channels must be those of at least one stage"),
        (lambda: ConvEncoder(DIGIT, [4], [2, 2]), "one for each of 1 stages"),
        (lambda: ConvEncoder(DIGIT, [4], output="map"), '"vector" or "grid", got \'map\''),
        (lambda: ConvEncoder(DIGIT, [4], output="grid", feature_width=5), "change channels"),
        (lambda: perceptron({}), "must name a site"),
        (lambda: perceptron({"z": 3}, reads=4), "expected 1 to its width .* got 4"),
        (lambda: perceptron({"a": 3, "b": 3}, reads=2), "of the only site"),
        (lambda: perceptron({"z": 3}, 2, label=None), "need label"),
        (lambda: convolutional({"z": 3}, grids=["y"]), r"unknown sites \['y'\]"),
        (lambda: PerceptronEncoder(DIGIT, [4])(torch.rand(2, 64), None), "set shape to that of"),
        (lambda: PerceptronEncoder(DIGIT, [4])(IMAGES, None, Z), r"above must be z of \[\]"),
        (lambda: ConvEncoder(DIGIT, [4], parents={"z": 3})(IMAGES, None), r"z of \['z'\], got"),
        (
            lambda: ConvEncoder(DIGIT, [4], parents={"z": 2})(IMAGES, None, Z),
            r"'z' must be \(batch, 2\) or \(batch, height, width, 2\), got \(2, 3\)",
        ),
        (
            lambda: PerceptronEncoder(DIGIT, [4], parents={"z": 3})(
                IMAGES, None, {"z": torch.rand(2, 4, 3)}
            ),
            r"'z' must be \(batch, 3\), got \(2, 4, 3\)",
        ),
        (lambda: PerceptronEncoder(DIGIT, [4])(IMAGES, condition=LABELS), "has no classes but"),
        (lambda: PerceptronEncoder(DIGIT, [4], 2)(IMAGES), "one of 2 classes, got none"),
        (
            lambda: ConvEncoder(DIGIT, [4], classes=2)(IMAGES, condition=LABELS + 1),
            "class 2; valid: 0 to 1",
        ),
        (lambda: perceptron({"z": 3}, 2).generate(Z, LABELS[:1]), r"condition must be \(batch,\)"),
        (lambda: perceptron({"z": 3}, 2).generate(Z, LABELS.float()), "got torch.float32"),
        (lambda: perceptron({"z": 3}).generate({"y": Z["z"]}), r"values must be of \['z'\]"),
        (lambda: perceptron({"z": 3}).generate({"z": torch.rand(3)}), "z of 'z' must be"),
        (lambda: perceptron({"z": 4}).generate(Z), r"\(\*samples, batch, 4\), got \(2, 3\)"),
        (
            lambda: convolutional({"z": 3}, grids=["z"]).generate({"z": torch.rand(2, 3, 3, 3)}),
            "3 x 3 codes cannot be repeated to 4 x 4",
        ),
        (
            lambda: perceptron({"z": 3, "y": 3}).generate(Z | {"y": torch.rand(5, 2, 3)}),
            r"same draws and examples, got z: \(2,\), y: \(5, 2\)",
        ),
        (lambda: perceptron({"z": 3})(batch_of(DIGIT), Z), "z is of 2 examples but the batch"),
        (lambda: perceptron({"z": 3}).fit_statistics([]), "at least one batch of images, got none"),
    ],
)
def test_wrong_input_is_one_line(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
