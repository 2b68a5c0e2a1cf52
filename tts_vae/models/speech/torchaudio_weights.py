"""Weights of torchaudio's Tacotron 2 in ours: public checkpoints, and an outsider to agree with.

torchaudio's model (after NVIDIA's) is location-sensitive, drops hidden states out where the paper
zones them out, and lets padding leak through its convolutions; a decoder with
``LocationSensitiveAttention``, ``HiddenDropout`` and ``masked=False`` computes the same.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from tts_vae.models.speech.tacotron import TacotronDecoder

_NAMES = (
    (r"embedding\.", "text_encoder.embedding."),
    (r"encoder\.convolutions\.(\d+)\.0\.", r"text_encoder.convolutions.\1.conv."),
    (r"encoder\.convolutions\.(\d+)\.1\.", r"text_encoder.convolutions.\1.norm."),
    (r"encoder\.lstm\.(\w+)_l0_reverse$", r"text_encoder.backwards.\1_l0"),
    (r"encoder\.lstm\.", "text_encoder.forwards."),
    (r"decoder\.prenet\.", "core.prenet."),
    (r"decoder\.(attention|decoder)_rnn\.(\w+)$", r"core.\1_lstm.\2_l0"),
    (r"decoder\.attention_layer\.query_layer\.", "core.query."),
    (r"decoder\.attention_layer\.memory_layer\.", "core.keys."),
    (r"decoder\.attention_layer\.v\.", "core.attention.energy."),
    (r"decoder\.attention_layer\.location_layer\.", "core.attention."),
    (r"decoder\.linear_projection\.", "core.to_mels."),
    (r"decoder\.gate_layer\.", "core.to_stop."),
    (r"postnet\.convolutions\.(\d+)\.0\.", r"postnet.layers.\1.conv."),
    (r"postnet\.convolutions\.(\d+)\.1\.", r"postnet.layers.\1.norm."),
)
_OURS = ("likelihoods.", "mels_mean", "mels_std", "frames_per_step")


def load_torchaudio_tacotron2(decoder: TacotronDecoder, state: Mapping[str, Tensor]) -> None:
    """Copy the weights of a ``torchaudio.models.Tacotron2`` into a decoder of the same sizes.

    Our convolutions have no bias, since a batch norm follows: theirs goes into its running mean.
    That is exact in evaluation mode, and a harmless start for further training.

    Args:
        decoder: without style sites, with location-sensitive attention and a postnet.
        state: the ``state_dict`` of torchaudio's model.

    Raises:
        ValueError: if a tensor has no place or another shape here, or one of ours gets no value.
    """
    mine = decoder.state_dict()
    given: dict[str, Tensor] = {}
    biases: dict[str, Tensor] = {}
    for name, tensor in state.items():
        ours = _our_name(name)
        if ours.endswith(".conv.bias"):
            biases[ours.removesuffix("conv.bias") + "norm.running_mean"] = tensor
        else:
            given[ours] = tensor
    for name, bias in biases.items():
        given[name] = given[name] - bias
    kept = {name for name in mine if name.startswith(_OURS)}
    wrong = sorted((mine.keys() - kept) ^ given.keys())
    wrong += [name for name in given if name in mine and given[name].shape != mine[name].shape]
    if wrong:
        raise ValueError(
            f"the weights do not fit this decoder ({len(wrong)} differ, first: {wrong[0]}); build "
            "it with the sizes of the checkpoint, no sites, LocationSensitiveAttention and a "
            "Postnet"
        )
    with torch.no_grad():
        for name, tensor in given.items():
            mine[name].copy_(tensor)


def _our_name(name: str) -> str:
    for pattern, ours in _NAMES:
        found, count = re.subn("^" + pattern, ours, name)
        if count:
            return found
    return name
