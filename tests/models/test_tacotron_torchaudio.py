"""torchaudio's Tacotron 2 as the outsider: same weights, same numbers, same gradients."""

import sys
import warnings
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from torchaudio.models import Tacotron2

sys.path.insert(0, str(Path(__file__).parent))

from tacotron_parts import MELS, SYMBOLS, make_decoder, make_targets  # noqa: E402

from tts_vae.models.speech import tacotron_speaking  # noqa: E402
from tts_vae.models.speech.tacotron_cells import HiddenDropout  # noqa: E402
from tts_vae.models.speech.torchaudio_weights import load_torchaudio_tacotron2  # noqa: E402

TOLERANCE = {"rtol": 0, "atol": 1e-4}
LIMIT = 25


@pytest.fixture
def no_prenet_dropout(monkeypatch):
    """Theirs never stops, in evaluation neither, and cannot be switched off otherwise."""
    monkeypatch.setattr(F, "dropout", lambda x, p=0.5, training=True, inplace=False: x)


def make_pair(seed):
    torch.manual_seed(seed)
    theirs = Tacotron2(
        n_mels=MELS,
        n_symbol=SYMBOLS,
        symbol_embedding_dim=16,
        encoder_embedding_dim=16,
        decoder_rnn_dim=15,
        attention_rnn_dim=12,
        attention_hidden_dim=8,
        attention_location_n_filter=4,
        attention_location_kernel_size=5,
        prenet_dim=10,
        postnet_n_convolution=3,
        postnet_embedding_dim=14,
        decoder_max_step=LIMIT,
    )
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    ours = make_decoder(
        sites={},
        masked=False,
        prenet_dropout=0.0,
        regulariser=HiddenDropout(0.1),
        frames_per_token=0.0,
    )
    load_torchaudio_tacotron2(ours, theirs.state_dict())
    return theirs.eval(), ours.eval()


def their_forward(theirs, targets):
    before, after, stops, alignments = theirs(
        targets.tokens,
        targets.token_mask.sum(1),
        targets.mels.transpose(1, 2),
        targets.mel_mask.sum(1),
    )
    return before.transpose(1, 2), after.transpose(1, 2), stops, alignments


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("phones", [(9,), (9, 6)], ids=["one", "padded"])
def test_teacher_forcing_agrees(seed, phones, no_prenet_dropout):
    theirs, ours = make_pair(seed)
    targets = make_targets(phones, seed)
    before, after, stops, alignments = their_forward(theirs, targets)
    unrolled, our_before, our_after = ours.unroll(targets, {})
    assert after.std() > 0.1 and alignments.std() > 0.01
    torch.testing.assert_close(our_before, before, **TOLERANCE)
    torch.testing.assert_close(our_after, after, **TOLERANCE)
    torch.testing.assert_close(unrolled.stop_logits, stops, **TOLERANCE)
    torch.testing.assert_close(unrolled.alignments, alignments, **TOLERANCE)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("phones", [(9,), (9, 6)], ids=["one", "padded"])
@pytest.mark.parametrize("bias", [None, -10.0], ids=["stops", "runs_on"])
def test_free_running_agrees(seed, phones, bias, no_prenet_dropout, monkeypatch):
    monkeypatch.setattr(tacotron_speaking, "LIMIT_START", LIMIT)
    theirs, ours = make_pair(seed)
    targets = make_targets(phones, seed)
    if bias is not None:
        for gate in (theirs.decoder.gate_layer, ours.core.to_stop):
            torch.nn.init.constant_(gate.bias, bias)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # that it reached the limit
        mels, lengths, alignments = theirs.infer(targets.tokens, targets.token_mask.sum(1))
    made = ours.generate(targets.tokens, targets.token_mask, {})
    assert torch.equal(made.mel_mask.sum(1), lengths.long())
    assert bias is None or lengths.tolist() == [LIMIT] * len(phones)
    real = made.mel_mask
    torch.testing.assert_close(made.mels[real], mels.transpose(1, 2)[real], **TOLERANCE)
    torch.testing.assert_close(made.alignments, alignments, **TOLERANCE)


def test_gradients_agree(no_prenet_dropout):
    theirs, ours = make_pair(3)
    targets = make_targets()
    weights = [torch.randn_like(x) for x in their_forward(theirs, targets)]

    def loss(outputs):
        return sum((x * w).sum() for x, w in zip(outputs, weights, strict=True))

    loss(their_forward(theirs, targets)).backward()
    unrolled, before, after = ours.unroll(targets, {})
    loss((before, after, unrolled.stop_logits, unrolled.alignments)).backward()
    theirs_of, ours_of = theirs.decoder, ours.core
    layer = theirs_of.attention_layer
    pairs = {
        "embedding": (theirs.embedding.weight, ours.text_encoder.embedding.weight),
        "text_lstm": (theirs.encoder.lstm.weight_hh_l0_reverse, _hh(ours.text_encoder.backwards)),
        "prenet": (theirs_of.prenet.layers[0].weight, ours_of.prenet.layers[0].weight),
        "attention_in": (theirs_of.attention_rnn.weight_ih, _ih(ours_of.attention_lstm)),
        "attention_hh": (theirs_of.attention_rnn.weight_hh, _hh(ours_of.attention_lstm)),
        "attention_bias": (theirs_of.attention_rnn.bias_hh, ours_of.attention_lstm.bias_hh_l0),
        "query": (layer.query_layer.weight, ours_of.query.weight),
        "keys": (layer.memory_layer.weight, ours_of.keys.weight),
        "energy": (layer.v.weight, ours_of.attention.energy.weight),
        "filters": (
            layer.location_layer.location_conv.weight,
            ours_of.attention.location_conv.weight,
        ),
        "dense": (
            layer.location_layer.location_dense.weight,
            ours_of.attention.location_dense.weight,
        ),
        "decoder_in": (theirs_of.decoder_rnn.weight_ih, _ih(ours_of.decoder_lstm)),
        "mels": (theirs_of.linear_projection.weight, ours_of.to_mels.weight),
        "stop": (theirs_of.gate_layer.weight, ours_of.to_stop.weight),
        "postnet": (theirs.postnet.convolutions[0][0].weight, ours.postnet.layers[0].conv.weight),
    }
    for name, (their, our) in pairs.items():
        assert their.grad.abs().max() > 1e-4, name
        torch.testing.assert_close(
            our.grad, their.grad, rtol=1e-3, atol=1e-4, msg=lambda m, name=name: f"{name}: {m}"
        )


def _ih(lstm):
    return lstm.weight_ih_l0


def _hh(lstm):
    return lstm.weight_hh_l0


def test_weights_of_other_sizes_are_refused():
    theirs, _ = make_pair(0)
    with pytest.raises(ValueError, match="do not fit this decoder .*LocationSensitiveAttention"):
        load_torchaudio_tacotron2(make_decoder("dca", sites={}), theirs.state_dict())
    smaller = make_decoder(sites={}, decoder_units=14)
    with pytest.raises(ValueError, match="first: core.decoder_lstm"):
        load_torchaudio_tacotron2(smaller, theirs.state_dict())
