"""Gaussian latents: diagonal or full-covariance posterior; standard, per-class or linked prior.

VAE: Kingma & Welling 2014 (arXiv 1312.6114). Conditional prior p(z | y): Hsu et al. 2019
(arXiv 1810.07217), the z_o of an observed speaker, whose small variance pulls speaker identity into
this site, and whose posterior ignores y so that an unseen speaker can be inferred from speech.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, MixtureSameFamily, Normal

from tts_vae.latents import divergences as divergences  # registers KL(Cholesky || diagonal)
from tts_vae.latents.conditional_normal import ConditionalNormal, fit_context
from tts_vae.latents.contract import Latent
from tts_vae.latents.gaussian_posterior import Covariance, GaussianPosterior
from tts_vae.latents.sampling import check_temperature, standard_normal
from tts_vae.latents.scales import check_initial, floored_scale, raw_of_scale


class GaussianLatent(Latent):
    """z ~ N(0, I), or z | y ~ N(mu_y, diag sigma_y^2) with sigma = e^floor + softplus(raw).

    With a ``context_width`` the prior is p(z | context): mean and scale are a learned map of the z
    of a parent site, e.g. of the utterance's style for the styles of its phones.

    Args:
        feature_width: width of the encoder features.
        width: width of z.
        covariance: of the posterior, "diagonal" or "cholesky".
        condition_classes: number of classes y; 0 means the standard normal prior.
        prior_initial_log_scale: log sigma_y at the start (Hsu et al.: -2 for speakers).
        prior_log_scale_floor: log of the lower limit of sigma_y.
        posterior_initial_log_scale: log scale of the posterior at the start.
        context_width: width of the context; 0 for none. Not together with classes.
        context_hidden: widths of tanh layers of the map; () is a linear map.

    Shapes: features (batch, *steps, feature_width), condition (batch,) int64 class indices, context
    (batch, context_width) or (batch, *steps, context_width).
    Without a condition a conditional prior is its marginal, sum_y p(z | y) / classes: the class is
    unknown. Its KL is then the sample estimate.

    Raises:
        ValueError: for an unknown covariance, negative classes or context, both of them, or a
            start below the floor.
    """

    def __init__(
        self,
        feature_width: int,
        width: int,
        covariance: Covariance = "diagonal",
        condition_classes: int = 0,
        prior_initial_log_scale: float = 0.0,
        prior_log_scale_floor: float = -4.0,
        posterior_initial_log_scale: float = -1.0,
        context_width: int = 0,
        context_hidden: Sequence[int] = (),
    ) -> None:
        super().__init__(feature_width, width)
        if min(condition_classes, context_width) < 0 or (condition_classes and context_width):
            raise ValueError(
                "condition_classes and context_width must be at least 0 and not both be set, got "
                f"{condition_classes} and {context_width}; let the parent site have the classes"
            )
        self.posterior_head = GaussianPosterior(
            feature_width, width, covariance, posterior_initial_log_scale
        )
        self.classes = condition_classes
        self.context_width = context_width
        self.log_scale_floor = prior_log_scale_floor
        if context_width:
            self.context_prior = ConditionalNormal(
                context_width,
                width,
                context_hidden,
                prior_initial_log_scale,
                prior_log_scale_floor,
                gain=0.1,
            )
        if condition_classes:
            check_initial(prior_initial_log_scale, prior_log_scale_floor)
            # spread as wide as a standard normal: where classes start close together their KL
            # merges them before the encoder can tell them apart
            self.class_means = nn.Parameter(torch.randn(condition_classes, width))
            scale = torch.full((condition_classes, width), prior_initial_log_scale).exp()
            self.class_raw_scales = nn.Parameter(raw_of_scale(scale, prior_log_scale_floor))

    @property
    def class_scales(self) -> Tensor:
        """Standard deviations of the class priors, (classes, width)."""
        return floored_scale(self.class_raw_scales, self.log_scale_floor)

    def class_mean(self, index: int) -> Tensor:
        """Return mu_y (width,) of class ``index``.

        Raises:
            ValueError: if there is no such class.
        """
        self._check_index(index, self.classes, "class")
        return self.class_means[index]

    def posterior(
        self, features: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Distribution:
        """Return q(z | features); the condition enters the prior only."""
        return self.posterior_head(features)

    def prior(
        self,
        batch_shape: Sequence[int],
        condition: Tensor | None = None,
        context: Tensor | None = None,
    ) -> Distribution:
        """Return p(z), p(z | condition) or the marginal of the classes, or p(z | context)."""
        shape = (*batch_shape, self.width)
        if self.context_width:
            self._no_condition(condition)
            fitted = fit_context(context, self.context_width, batch_shape, type(self).__name__)
            normal = self.context_prior(fitted.to(self.posterior_head.mean.weight))
            return Independent(normal, 1, validate_args=False)
        self._no_context(context)
        if not self.classes:
            self._no_condition(condition)
            anchor = self.posterior_head.mean.weight
            return _diagonal(anchor.new_zeros(()).expand(shape), anchor.new_ones(()).expand(shape))
        if condition is None:
            mean = self.class_means.expand(*batch_shape, self.classes, self.width)
            logits = mean.new_zeros(self.classes).expand(*batch_shape, self.classes)
            return MixtureSameFamily(
                Categorical(logits=logits, validate_args=False),
                _diagonal(mean, self.class_scales.expand_as(mean)),
                validate_args=False,
            )
        index = self._class_index(condition)
        if index.shape != tuple(batch_shape[:1]):
            raise ValueError(
                f"condition must be (batch,) = ({batch_shape[0]},), got {tuple(index.shape)}"
            )
        steps = (1,) * (len(batch_shape) - 1)
        mean = self.class_means[index].reshape(len(index), *steps, self.width)
        scale = self.class_scales[index].reshape(len(index), *steps, self.width)
        return _diagonal(mean.expand(shape), scale.expand(shape))

    def sample(
        self,
        sample_shape: Sequence[int],
        condition: Tensor | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        context: Tensor | None = None,
    ) -> Tensor:
        """Draw mu + temperature * sigma * eps; see :meth:`Latent.sample`.

        A conditional prior without a condition draws a class uniformly for each sample.
        """
        check_temperature(temperature)
        shape = tuple(sample_shape)
        if self.context_width:
            prior = self.prior(shape if context is None else context.shape[:-1], condition, context)
            assert isinstance(prior, Independent)
            noise = standard_normal((*shape, *prior.mean.shape), prior.mean, generator)
            return prior.mean + temperature * prior.base_dist.stddev * noise
        self._no_context(context)
        if not self.classes:
            self._no_condition(condition)
            like = self.posterior_head.mean.weight
            return temperature * standard_normal((*shape, self.width), like, generator)
        if condition is None:
            device = self.class_means.device if generator is None else generator.device
            drawn = torch.randint(self.classes, shape, generator=generator, device=device)
            index = drawn.to(self.class_means.device)
        else:
            index = self._class_index(condition)
            index = index.expand(*shape, *index.shape)
        mean = self.class_means[index]
        noise = standard_normal(mean.shape, mean, generator)
        return mean + temperature * self.class_scales[index] * noise

    def _class_index(self, condition: Tensor) -> Tensor:
        if condition.is_floating_point() or condition.dtype == torch.bool:
            raise ValueError(f"condition must hold int64 class indices, got {condition.dtype}")
        on_host = condition.device.type == "cpu"  # a range check elsewhere would stall the device
        if on_host and condition.numel():
            low, high = int(condition.min()), int(condition.max())
            if low < 0 or high >= self.classes:
                raise ValueError(
                    f"condition holds class {low if low < 0 else high}; "
                    f"valid: 0 to {self.classes - 1}"
                )
        return condition.long()


def _diagonal(mean: Tensor, scale: Tensor) -> "Independent[Normal]":
    return Independent(Normal(mean, scale, validate_args=False), 1, validate_args=False)
