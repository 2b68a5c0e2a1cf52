"""What every network over codes shares: checks, log-probabilities and draws from logits."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tts_vae.latents.sampling import check_temperature


def check_codes(codes: Tensor, count: int, name: str = "codes") -> None:
    """Check that every code is an index into a vocabulary.

    Args:
        codes: any shape.
        count: size of the vocabulary.
        name: what the message calls them.

    Raises:
        ValueError: if they are not int64, or one lies outside 0 to count - 1.
    """
    if codes.dtype != torch.int64:
        raise ValueError(f"{name} must be int64 indices, got {codes.dtype}; convert with .long()")
    if codes.numel():
        low, high = (int(bound) for bound in torch.aminmax(codes))
        if low < 0 or high >= count:
            raise ValueError(
                f"{name} must lie in 0 to {count - 1}, got {low} to {high}; "
                "check the vocabulary, and that padding is masked"
            )


def check_given(name: str, value: Tensor | None, setting: str, size: int) -> None:
    """Check that a condition is given to a model that has one, and to no other.

    Args:
        name: of the argument.
        value: the condition or None.
        setting: constructor argument that decides whether there is one.
        size: its value; 0 means that there is none.

    Raises:
        ValueError: otherwise.
    """
    if value is None and size:
        raise ValueError(
            f"a model with {setting}={size} needs {name}, got None; pass {name}=, or build the "
            f"model with {setting}=0"
        )
    if value is not None and not size:
        raise ValueError(
            f"a model with {setting}=0 takes no {name}, got shape {tuple(value.shape)}; leave out "
            f"{name}=, or build the model with its {setting}"
        )


def padded_sequences(
    tokens: Tensor, mask: Tensor | None, vocabulary: int, name: str
) -> tuple[Tensor, Tensor]:
    """Read tokens as padded sequences in raster order.

    Args:
        tokens: (batch, *steps) int64, or (batch,) for one token each.
        mask: the same shape, bool, True on real tokens, which come first; None: what is not -1.
        vocabulary: number of tokens.
        name: what a message calls them.

    Returns:
        Tokens (batch, steps), 0 on padding, and their mask.

    Raises:
        ValueError: if a shape or a token does not fit, a sequence has no real token, or padding
            comes before one.
    """
    if mask is not None and mask.shape != tokens.shape:
        raise ValueError(
            f"the mask of {name} must be {tuple(tokens.shape)} like them, got {tuple(mask.shape)}; "
            "it is True on real steps"
        )
    tokens = tokens.unsqueeze(1) if tokens.ndim == 1 else tokens.flatten(1)
    mask = tokens != -1 if mask is None else mask.reshape(tokens.shape).bool()
    if not len(tokens) or not mask.any(1).all():
        raise ValueError(
            f"{name} must have a real token in every sequence, got an empty or fully padded one; "
            "leave such sequences out"
        )
    if (mask[:, 1:] & ~mask[:, :-1]).any():
        raise ValueError(f"{name} must have padding after their tokens, got some before; move it")
    tokens = tokens.masked_fill(~mask, 0)
    check_codes(tokens, vocabulary, name)
    return tokens, mask


def code_log_prob(logits: Tensor, codes: Tensor, mask: Tensor | None = None) -> Tensor:
    """Sum of log p(code) over the steps, in at least float32.

    Args:
        logits: (batch, *steps, vocabulary).
        codes: (batch, *steps) int64; anything within the vocabulary on padding.
        mask: (batch, *steps) bool, True on real steps; None means all real.

    Returns:
        (batch,) nats.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    nats = -F.cross_entropy(logits.flatten(0, -2), codes.flatten(), reduction="none")
    nats = nats.reshape(codes.shape)
    if mask is not None:
        nats = nats.masked_fill(~mask, 0.0)
    return nats.flatten(1).sum(1)


def check_sampling(temperature: float, top_k: int | None) -> None:
    """Raise ValueError unless both settings of a draw make sense."""
    check_temperature(temperature)
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be at least 1, got {top_k}; None draws from all codes")


def draw_codes(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw one code per row of logits.

    The draw is made on the generator's own device, so that one CPU generator serves every machine.

    Args:
        logits: (*batch, vocabulary).
        temperature: divides the logits; 0 takes the likeliest code.
        top_k: draw from the k likeliest codes alone; None means all of them.
        generator: source of randomness; None is torch's global one.

    Returns:
        (*batch) int64.

    Raises:
        ValueError: if the temperature is negative or not finite, or top_k is below 1.
    """
    check_sampling(temperature, top_k)
    if temperature == 0:
        return logits.argmax(-1)
    kept, index = logits.topk(min(top_k or logits.shape[-1], logits.shape[-1]))
    kept = kept.to(torch.promote_types(kept.dtype, torch.float32))
    # the largest first, so that a tiny temperature divides zeros and negatives alone
    weights = ((kept - kept[..., :1]) / temperature).softmax(-1).flatten(0, -2)
    device = weights.device if generator is None else generator.device
    drawn = torch.multinomial(weights.to(device), 1, generator=generator).to(index.device)
    return index.gather(-1, drawn.reshape(*index.shape[:-1], 1)).squeeze(-1)


@contextmanager
def without_dropout(module: nn.Module) -> Iterator[None]:
    """Within it the module is in eval mode: a draw never depends on how training left it."""
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)
