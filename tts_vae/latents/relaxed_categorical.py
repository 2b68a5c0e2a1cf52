"""A relaxed categorical code: the discrete VAE of DALL-E.

Gumbel-softmax: Jang et al. 2017 (arXiv 1611.01144, eq. 2), Maddison et al. 2017 (arXiv 1611.00712);
as the code of a dVAE with a uniform prior: Ramesh et al. 2021 (arXiv 2102.12092, section 2.1 and
appendix A.2, temperature from 1 to 1/16 along a cosine).
"""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, register_kl
from torch.distributions.constraints import Constraint, real_vector
from torch.nn import functional

from tts_vae.latents.codebook import perplexity
from tts_vae.latents.conditional_normal import fit_context
from tts_vae.latents.contract import Latent
from tts_vae.latents.divergences import categorical_kl
from tts_vae.latents.nearest import nearest
from tts_vae.latents.outcome import LatentOutput, known
from tts_vae.latents.sampling import (
    broadcast_value,
    check_sample_shape,
    check_temperature,
    full_precision,
    masked_sum,
    real_noise,
)


class CodebookCategorical(Distribution):
    """Masses on the vectors of a codebook.

    Args:
        log_weights: (*batch, codes), normalised.
        codebook: (codes, width).
    """

    arg_constraints: dict[str, Constraint] = {}
    support = real_vector

    def __init__(self, log_weights: Tensor, codebook: Tensor) -> None:
        self.log_weights = log_weights
        self.codebook = codebook
        super().__init__(log_weights.shape[:-1], codebook.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Expected vector, (*batch, width)."""
        return self.log_weights.exp() @ self.codebook

    def nearest(self, z: Tensor) -> Tensor:
        """Index of the code nearest to z (..., width), int64."""
        return nearest(z.reshape(-1, z.shape[-1]), self.codebook).reshape(z.shape[:-1])

    def log_prob(self, value: Tensor) -> Tensor:
        """Log mass of the code nearest to z (..., *batch, width), nats."""
        index = self.nearest(value)
        shape = torch.broadcast_shapes(index.shape, self.batch_shape)
        table = self.log_weights.expand(*shape, self.codebook.shape[0])
        return table.gather(-1, index.expand(shape).unsqueeze(-1)).squeeze(-1)


class RelaxedCategoricalLatent(Latent):
    """One of ``codes`` learned vectors, drawn through a Gumbel-softmax.

    z = w @ codebook with w = softmax((logits + Gumbel noise) / temperature). The argmax of w is an
    exact draw c of the categorical (Gumbel-max), so log_q = log q(c | x) and log_p = log p(c) are
    those of the discrete model in any case, with the relaxation's gradient. z is codebook[c] itself
    with ``hard``, where importance bounds are therefore bounds of the discrete model; without it z
    is a blend, and a likelihood of blends bounds nothing.

    Args:
        feature_width: width of the encoder features.
        width: width of z.
        codes: number of codes.
        initial_temperature: of the relaxation, until training has begun.
        final_temperature: from ``anneal_steps`` on; half a cosine wave in between.
        anneal_steps: training step at which the final temperature is reached.
        hard: straight-through: z is the drawn vector, its gradient that of the blend.
        context_width: width of a parent site's z that the prior's logits read; 0 for the uniform
            prior.

    Shapes: features (batch, *steps, feature_width) -> z (*samples, batch, *steps, width), codes
    (batch, *steps) the most probable ones. posterior and prior are :class:`CodebookCategorical`; kl
    is analytic, per position log(codes) minus the entropy of q under the uniform prior. mode="mean"
    takes the vector of the most probable code. Statistics: temperature, and over the most probable
    codes of the batch their perplexity and how many are used.

    Raises:
        ValueError: for fewer than two codes, or a temperature or step that is not positive.
    """

    temperature: Tensor

    def __init__(
        self,
        feature_width: int,
        width: int,
        codes: int = 64,
        initial_temperature: float = 1.0,
        final_temperature: float = 0.0625,
        anneal_steps: int = 1000,
        hard: bool = False,
        context_width: int = 0,
    ) -> None:
        super().__init__(feature_width, width)
        if codes < 2:
            raise ValueError(f"codes must be at least 2, got {codes}")
        schedule = (initial_temperature, final_temperature, anneal_steps)
        if not all(0 < value < math.inf for value in schedule):
            raise ValueError(
                "initial_temperature, final_temperature and anneal_steps must be positive and "
                f"finite, got {schedule}; a temperature of 0 has no gradient: use hard=True"
            )
        self.components = codes
        self.initial_temperature = initial_temperature
        self.final_temperature = final_temperature
        self.anneal_steps = anneal_steps
        self.hard = hard
        self.context_width = context_width
        self.posterior_head = nn.Linear(feature_width, codes)
        self.codebook = nn.Parameter(torch.randn(codes, width))
        self.context_logits = nn.Linear(context_width, codes) if context_width else None
        # saved with the weights: a voice draws at the temperature it was trained to
        self.register_buffer("temperature", torch.tensor(float(initial_temperature)))

    @property
    def code_count(self) -> int:
        """Size of the vocabulary that a prior over codes has to know."""
        return self.components

    def temperature_at(self, step: int) -> float:
        """Return the temperature of the relaxation at a training step."""
        share = min(max(step / self.anneal_steps, 0.0), 1.0)
        if share in (0.0, 1.0):
            return self.final_temperature if share else self.initial_temperature
        fall = self.final_temperature - self.initial_temperature
        return self.initial_temperature + fall * 0.5 * (1.0 - math.cos(math.pi * share))

    def set_step(self, step: int) -> None:
        """Set the temperature to its value at ``step``."""
        self.temperature.fill_(self.temperature_at(step))

    def posterior(
        self, features: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> CodebookCategorical:
        """Return q(c | features) on the codebook."""
        self._no_condition(condition)
        log_weights = torch.log_softmax(self.posterior_head(features), -1)
        return CodebookCategorical(log_weights, self.codebook)

    def prior(
        self,
        batch_shape: Sequence[int],
        condition: Tensor | None = None,
        context: Tensor | None = None,
    ) -> CodebookCategorical:
        """Return the uniform prior, or p(c | context)."""
        self._no_condition(condition)
        if self.context_logits is None:
            self._no_context(context)
            uniform = self.codebook.new_full((), -math.log(self.components))
            return CodebookCategorical(uniform.expand(*batch_shape, self.components), self.codebook)
        fitted = fit_context(context, self.context_width, batch_shape, type(self).__name__)
        logits = self.context_logits(fitted.to(self.codebook))
        return CodebookCategorical(torch.log_softmax(logits, -1), self.codebook)

    def forward(
        self,
        features: Tensor,
        *,
        condition: Tensor | None = None,
        context: Tensor | None = None,
        mask: Tensor | None = None,
        sample_shape: Sequence[int] = (),
        value: Tensor | None = None,
        mode: Literal["sample", "mean"] = "sample",
        generator: torch.Generator | None = None,
    ) -> LatentOutput:
        """Infer the site; see :meth:`Latent.forward`. A clamped value is its nearest code."""
        features, mask = self._check_call(features, mask, sample_shape, mode)
        samples, batch_shape = tuple(sample_shape), features.shape[:-1]
        with full_precision(features.device.type):
            posterior = self.posterior(features, condition, mask)
            prior = self.prior(batch_shape, condition, context)
            log_q, log_p = posterior.log_weights, prior.log_weights
            codes = log_q.argmax(-1)
            if value is not None:
                shape = (*samples, *batch_shape, self.width)
                z = broadcast_value(value.to(features), shape, len(batch_shape))
                weights = functional.one_hot(posterior.nearest(z), self.components).to(z)
            else:
                if mode == "sample":
                    shape = (*samples, *batch_shape, self.components)
                    noise = real_noise(shape, features, mask, generator, _standard_gumbel)
                    blend = torch.softmax((log_q + noise) / self.temperature, -1)
                else:
                    blend = log_q.exp().expand(*samples, *log_q.shape)
                weights = _straight_through(blend)
                z = (weights if self.hard or mode == "mean" else blend) @ self.codebook
            if mask is not None:
                z = z.masked_fill(~mask.unsqueeze(-1), 0.0)
                codes = codes.masked_fill(~mask, -1)
            steps = len(batch_shape) - 1
            return LatentOutput(
                z=z,
                posterior=posterior,
                prior=prior,
                densities=known(
                    masked_sum((weights * log_q).sum(-1), mask, steps),
                    masked_sum((weights * log_p).sum(-1), mask, steps),
                ),
                kl=masked_sum(self.divergence(posterior, prior, z).nats, mask, steps),
                codes=codes,
                statistics=self._statistics(codes),
                mask=mask,
                context=context,
            )

    def sample(
        self,
        sample_shape: Sequence[int],
        condition: Tensor | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        context: Tensor | None = None,
    ) -> Tensor:
        """Draw a code from the prior and return its vector.

        A code has no spread, so ``temperature`` changes nothing, as it does not change the weights
        of a mixture.
        """
        check_temperature(temperature)
        shape = tuple(sample_shape)
        check_sample_shape(shape)
        batch_shape = shape if context is None else context.shape[:-1]
        weights = self.prior(batch_shape, condition, context).log_weights.detach()
        if context is not None:
            weights = weights.expand(*shape, *weights.shape)
        device = weights.device if generator is None else generator.device
        flat = weights.exp().reshape(-1, self.components).to(device)
        drawn = torch.multinomial(flat, 1, generator=generator).to(weights.device)
        return self.codebook[drawn.reshape(weights.shape[:-1])]

    def codes_to_z(self, codes: Tensor) -> Tensor:
        """Return the vectors (..., width) of codes (...) int64; -1, padding, gives zeros.

        Raises:
            ValueError: if a code does not exist.
        """
        if codes.is_floating_point() or codes.dtype == torch.bool:
            raise ValueError(f"codes must be int64 indices, got {codes.dtype}")
        if codes.numel() and not -1 <= int(codes.min()) <= int(codes.max()) < self.components:
            raise ValueError(
                f"codes must lie between 0 and {self.components - 1}, or be -1 on padding, got "
                f"{int(codes.min())} to {int(codes.max())}; decode with the latent that made them"
            )
        z = self.codebook[codes.long().clamp(min=0)]
        return z.masked_fill((codes < 0).unsqueeze(-1), 0.0)

    def _statistics(self, codes: Tensor) -> dict[str, Tensor]:
        real = codes.flatten() + 1  # padding is counted under 0, and left out
        counts = self.temperature.new_zeros(self.components + 1)
        counts = counts.index_add(0, real, torch.ones_like(real, dtype=counts.dtype))[1:]
        return {
            "temperature": self.temperature.clone(),
            "perplexity": perplexity(counts),
            "used_codes": (counts > 0).sum(),
        }

    def _component(self, index: int) -> Tensor:
        return self.codebook[index]


def _standard_gumbel(
    shape: Sequence[int], like: Tensor, generator: torch.Generator | None
) -> Tensor:
    """-log E with E ~ Exp(1), drawn on the generator's own device."""
    device = like.device if generator is None else generator.device
    drawn = torch.empty(tuple(shape), dtype=like.dtype, device=device)
    drawn = drawn.exponential_(generator=generator).clamp(min=torch.finfo(like.dtype).tiny)
    return -drawn.log().to(like.device)


def _straight_through(blend: Tensor) -> Tensor:
    """One-hot of the largest weight, with the gradient (and the NaN) of the blend."""
    one_hot = functional.one_hot(blend.argmax(-1), blend.shape[-1]).to(blend)
    return one_hot + (blend - blend.detach())


@register_kl(CodebookCategorical, CodebookCategorical)
def _kl_codebook_categoricals(q: CodebookCategorical, p: CodebookCategorical) -> Tensor:
    """Exact KL of two categoricals over one codebook, (*batch,)."""
    return categorical_kl(q.log_weights, p.log_weights)
