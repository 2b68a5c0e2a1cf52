"""One autoregressive transformer over [condition tokens, START, code tokens].

Ramesh et al. 2021, "Zero-Shot Text-to-Image Generation" (DALL-E, arXiv 2102.12092), section 2.2.
The condition may be a class, a caption, phones, or the top level's codes of a VQ-VAE-2; the codes
an image grid read in raster order, or prosody codes. Every step sees all steps before it.
"""

import torch
from torch import Tensor, nn

from tts_vae.models.categorical_codes import (
    check_given,
    check_sampling,
    code_log_prob,
    draw_codes,
    padded_sequences,
    without_dropout,
)
from tts_vae.models.transformer_layers import KeyValueCache, TransformerBlock


class TokenTransformer(nn.Module):
    """p(codes | condition) and, where asked for, p(condition).

    Condition and codes have vocabularies and learned positions of their own, so that padding after
    a short condition moves nothing. Shapes (batch, *steps) are read as sequences in raster order.

    Args:
        condition_vocabulary: number of condition tokens; 0 for an unconditional model.
        code_vocabulary: number of codes.
        max_condition: longest condition in tokens; 0 for an unconditional model.
        max_codes: longest sequence of codes.
        width: of a step.
        layers: blocks.
        heads: of attention; must divide the width.
        dropout: of embeddings, attention weights and what each block adds.
        score_condition: also learn p(condition), for ``condition_weight`` of :meth:`log_prob`.

    Raises:
        ValueError: if a size is below its least.
    """

    def __init__(
        self,
        condition_vocabulary: int,
        code_vocabulary: int,
        max_condition: int,
        max_codes: int,
        width: int = 128,
        layers: int = 4,
        heads: int = 4,
        dropout: float = 0.0,
        score_condition: bool = False,
    ) -> None:
        super().__init__()
        sizes = {"code_vocabulary": code_vocabulary, "max_codes": max_codes, "layers": layers}
        for name, size in {**sizes, "width": width}.items():
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}; give a positive number")
        if min(condition_vocabulary, max_condition) < 0 or bool(condition_vocabulary) != bool(
            max_condition
        ):
            raise ValueError(
                "condition_vocabulary and max_condition must both be positive, or both 0 for an "
                f"unconditional model, got {condition_vocabulary} and {max_condition}"
            )
        if score_condition and not condition_vocabulary:
            raise ValueError(
                "score_condition=True needs a condition, got condition_vocabulary=0; set one"
            )
        self.condition_vocabulary, self.code_vocabulary = condition_vocabulary, code_vocabulary
        self.max_condition, self.max_codes = max_condition, max_codes
        self.code_embedding = nn.Embedding(code_vocabulary, width)
        self.code_position = nn.Embedding(max_codes, width)  # the first of them is START
        self.condition_embedding = self.condition_position = None
        if condition_vocabulary:
            self.condition_embedding = nn.Embedding(condition_vocabulary, width)
            self.condition_position = nn.Embedding(max_condition, width)
        for module in self.children():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            TransformerBlock(width, heads, dropout, layers) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.code_output = nn.Linear(width, code_vocabulary)
        self.condition_output = nn.Linear(width, condition_vocabulary) if score_condition else None
        # nothing stands before the first condition token: its distribution is a parameter
        self.first_condition = (
            nn.Parameter(torch.zeros(condition_vocabulary)) if score_condition else None
        )

    def forward(
        self,
        condition: Tensor | None,
        codes: Tensor,
        condition_mask: Tensor | None = None,
        code_mask: Tensor | None = None,
    ) -> Tensor:
        """Logits of every code given the condition and the codes before it.

        Args:
            condition: (batch, *tokens) int64, or (batch,) for one token each; None for an
                unconditional model.
            codes: (batch, *steps) int64.
            condition_mask: (batch, *tokens) bool, True on real tokens, which come first. None:
                what is not -1.
            code_mask: (batch, *steps) bool likewise.

        Returns:
            (batch, *steps, code_vocabulary); without meaning on padding.

        Raises:
            ValueError: if a shape or an index does not fit, a condition is missing, empty or too
                many, a mask is all padding, or padding comes before a real token.
        """
        tokens, _ = self._codes(codes, code_mask)
        prefix = self._condition(condition, condition_mask, len(codes))
        hidden = self._hidden(prefix, tokens)
        return self.code_output(hidden[:, -tokens.shape[1] :]).unflatten(1, codes.shape[1:])

    def log_prob(
        self,
        codes: Tensor,
        condition: Tensor | None = None,
        condition_mask: Tensor | None = None,
        code_mask: Tensor | None = None,
        condition_weight: float = 0.0,
    ) -> Tensor:
        """Log p(codes | condition) + condition_weight log p(condition), (batch,) nats.

        Lengths are given, not modelled.

        Args:
            codes: as :meth:`forward`.
            condition: as :meth:`forward`.
            condition_mask: as :meth:`forward`.
            code_mask: as :meth:`forward`.
            condition_weight: of the condition's nats relative to the codes'. (DALL-E weighs the
                means per token 1/8 and 7/8.)

        Raises:
            ValueError: as :meth:`forward`, or if a weight is given to a model without
                ``score_condition``.
        """
        if not condition_weight:
            tokens, mask = self._codes(codes, code_mask)
            return code_log_prob(self(condition, tokens, condition_mask, mask), tokens, mask)
        parts = self.joint_log_prob(codes, condition, condition_mask, code_mask)
        return parts[0] + condition_weight * parts[1]

    def joint_log_prob(
        self,
        codes: Tensor,
        condition: Tensor | None,
        condition_mask: Tensor | None = None,
        code_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Log p(codes | condition) and log p(condition), each (batch,) nats; as :meth:`log_prob`.

        Raises:
            ValueError: as :meth:`forward`, or if the model was built without ``score_condition``.
        """
        tokens, mask = self._codes(codes, code_mask)
        prefix = self._condition(condition, condition_mask, len(codes))
        if self.condition_output is None or self.first_condition is None or prefix is None:
            raise ValueError(
                "this TokenTransformer has no model of the condition, got a condition to score; "
                "build it with score_condition=True, or leave condition_weight=0"
            )
        hidden = self._hidden(prefix, tokens)
        nats = code_log_prob(self.code_output(hidden[:, -tokens.shape[1] :]), tokens, mask)
        later = self.condition_output(hidden[:, : prefix[0].shape[1] - 1])
        first = self.first_condition.expand(len(codes), 1, -1)
        return nats, code_log_prob(torch.cat((first, later), 1), *prefix)

    @torch.no_grad()
    def sample(
        self,
        condition: Tensor | None = None,
        length: int | Tensor | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        generator: torch.Generator | None = None,
        *,
        condition_mask: Tensor | None = None,
        n: int | None = None,
        use_cache: bool = True,
    ) -> Tensor:
        """Draw sequences of codes, one code at a time.

        Args:
            condition: (n, *tokens) or (n,) int64; None for an unconditional model.
            length: codes to draw, or (n,) int64 with a length each; None means max_codes.
            temperature: divides the logits; 0 takes the likeliest code each time.
            top_k: draw from the k likeliest codes alone.
            generator: source of randomness; None is torch's global one.
            condition_mask: (n, *tokens) bool, True on real tokens.
            n: number of sequences of an unconditional model; otherwise the condition tells.
            use_cache: keep keys and values of the steps before; without it all are computed anew.

        Returns:
            (n, longest length) int64, -1 after the end of a shorter one.

        Raises:
            ValueError: as :meth:`forward`, or if n, length, temperature or top_k make no sense.
        """
        check_sampling(temperature, top_k)
        count = n if condition is None else len(condition)
        if count is None or count < 1 or (n is not None and n != count):
            raise ValueError(
                f"n must be a positive number of sequences, or left out with a condition, got {n}"
            )
        prefix = self._condition(condition, condition_mask, count)
        device = self.code_embedding.weight.device
        lengths = torch.as_tensor(self.max_codes if length is None else length, device=device)
        if lengths.shape not in ((), (count,)) or not 1 <= lengths.min() <= lengths.max():
            raise ValueError(f"length must be one or ({count},) positive numbers, got {length}")
        longest = int(lengths.max())
        self._check_length(longest, self.max_codes, "codes", "max_codes")
        codes = torch.zeros(count, longest, dtype=torch.int64, device=device)
        caches = None
        if use_cache:
            ahead = longest + (0 if prefix is None else prefix[0].shape[1])
            caches = [KeyValueCache(ahead) for _ in self.blocks]
        with without_dropout(self):
            for step in range(longest):
                # the code of this step is not read: a sequence starts with START instead
                hidden = self._hidden(prefix, codes[:, : step + 1], caches)
                logits = self.code_output(hidden[:, -1])
                codes[:, step] = draw_codes(logits, temperature, top_k, generator)
        ended = torch.arange(longest, device=device) >= lengths.expand(count).unsqueeze(1)
        return codes.masked_fill(ended, -1)

    def _hidden(
        self,
        prefix: tuple[Tensor, Tensor] | None,
        codes: Tensor,
        caches: list[KeyValueCache] | None = None,
    ) -> Tensor:
        """Last layer over [condition, START, all codes but the last]; with caches its new steps."""
        place = self.code_position.weight[: codes.shape[1]]
        before = self.code_embedding(codes[:, :-1])
        x = nn.functional.pad(before, (0, 0, 1, 0)) + place  # START is its position alone
        real = None
        if prefix is not None:
            tokens, mask = prefix
            assert self.condition_embedding is not None and self.condition_position is not None
            position = self.condition_position.weight[: tokens.shape[1]]
            x = torch.cat((self.condition_embedding(tokens) + position, x), 1)
            if not mask.all():
                real = nn.functional.pad(mask, (0, codes.shape[1]), value=True)
        if caches is not None:
            x = x[:, caches[0].filled :]
        x = self.dropout(x)
        for number, block in enumerate(self.blocks):
            x = block(x, real, None if caches is None else caches[number])
        return self.norm(x)

    def _codes(self, codes: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        tokens, mask = padded_sequences(codes, mask, self.code_vocabulary, "codes")
        self._check_length(tokens.shape[1], self.max_codes, "codes", "max_codes")
        return tokens, mask

    def _condition(
        self, condition: Tensor | None, mask: Tensor | None, batch: int
    ) -> tuple[Tensor, Tensor] | None:
        """Tokens and mask, (batch, tokens), of a condition; None for an unconditional model."""
        check_given("condition", condition, "condition_vocabulary", self.condition_vocabulary)
        if condition is None:
            return None
        if len(condition) != batch:
            raise ValueError(
                f"condition must be of {batch} sequences, got {tuple(condition.shape)}; one each"
            )
        tokens, mask = padded_sequences(condition, mask, self.condition_vocabulary, "condition")
        self._check_length(tokens.shape[1], self.max_condition, "condition", "max_condition")
        return tokens, mask

    @staticmethod
    def _check_length(length: int, limit: int, name: str, argument: str) -> None:
        if length > limit:
            raise ValueError(
                f"{name} of {length} tokens are longer than {argument}={limit}; shorten them, or "
                f"build the TokenTransformer with a larger {argument}"
            )
