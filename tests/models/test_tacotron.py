"""The Tacotron decoder behind the interface that both decoders share."""

import math
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

from tacotron_parts import (  # noqa: E402
    ATTENTIONS,
    MELS,
    make_decoder,
    make_targets,
    make_values,
    one_item,
)

from tts_vae.models.speech.guided_attention import GuidedAttention  # noqa: E402
from tts_vae.models.speech.tacotron_speaking import LIMIT_START  # noqa: E402

CLOSE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.fixture
def targets():
    return make_targets()


@pytest.fixture
def values():
    return make_values()


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("reduction", [1, 2, 3])
def test_an_item_is_scored_alike_alone_and_in_a_batch(attention, reduction, targets, values):
    torch.manual_seed(0)
    decoder = make_decoder(
        attention,
        reduction=reduction,
        alignment_weight=1.0,
        guided_attention=GuidedAttention(),
        level_site="speaker",
    ).eval()
    frames = targets.mel_mask.sum(1)
    assert any(frames % reduction) or reduction == 1
    terms, predictions = decoder(targets, values)
    names = {"mels", "mels_before", "stop", "alignment", "guided_attention", "pitch_level"}
    assert set(terms) == names and predictions["mels"].shape == targets.mels.shape
    for item in (0, 1):
        alone, _ = decoder(*one_item(targets, values, item))
        for name, nats in terms.items():
            assert nats.shape == (2,)
            torch.testing.assert_close(alone[name][0], nats[item], **CLOSE)


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("reduction", [1, 3])
def test_an_item_is_spoken_alike_alone_and_in_a_batch(attention, reduction, targets, values):
    decoder = make_decoder(attention, reduction=reduction, frames_per_token=3.0).eval()
    made = decoder.generate(targets.tokens, targets.token_mask, values)
    for item in (0, 1):
        alone, style = one_item(targets, values, item)
        single = decoder.generate(alone.tokens, alone.token_mask, style)
        frames = int(made.mel_mask[item].sum())
        assert single.mel_mask.sum() == frames and single.failures[0] == made.failures[item]
        torch.testing.assert_close(single.mels[0], made.mels[item, :frames], **CLOSE)
        assert not made.mels[item, frames:].any()


def test_terms_are_log_likelihoods_in_nats(targets, values):
    decoder = make_decoder(reduction=2).eval()
    terms, predictions = decoder(targets, values)
    real = targets.mel_mask
    error = (predictions["mels"] - targets.mels)[real].square().sum() / 2
    count = real.sum() * MELS
    torch.testing.assert_close(terms["mels"].sum(), -error - count * math.log(2 * math.pi) / 2)
    unrolled, _, _ = decoder.unroll(targets, values)
    expected = 0.0
    for item, frames in enumerate(real.sum(1).tolist()):
        last = math.ceil(frames / 2) - 1
        p = torch.sigmoid(unrolled.stop_logits[item])
        expected += torch.log(p[last]) + torch.log(1 - p[:last]).sum()
    torch.testing.assert_close(terms["stop"].sum(), expected)


def test_a_frame_depends_on_the_frames_before_it_alone(targets, values):
    decoder = make_decoder(reduction=2).eval()
    _, before, _ = decoder.unroll(targets, values)
    targets.mels[:, 9] += 1  # the second frame of step 4: only step 5 and later have seen it
    _, changed, _ = decoder.unroll(targets, values)
    torch.testing.assert_close(changed[:, :10], before[:, :10], rtol=0, atol=0)
    assert (changed[:, 10:12] - before[:, 10:12]).abs().max() > 1e-6


def test_units_of_the_data_change_nothing_but_the_units(targets, values):
    """Mels standardised by hand through a decoder without statistics give the same terms."""
    decoder = make_decoder().eval()
    plain = make_targets()
    mean, std = torch.linspace(-6, -2, MELS), torch.linspace(1, 2, MELS)
    targets.mels = (targets.mels * std + mean) * targets.mel_mask.unsqueeze(-1)
    decoder.fit_statistics([targets])
    frames = targets.mels[targets.mel_mask]
    torch.testing.assert_close(decoder.mels_mean, frames.mean(0))
    decoder.mels_mean.copy_(mean)
    decoder.mels_std.copy_(std)
    _, _, scaled = decoder.unroll(targets, values)
    decoder.mels_mean.zero_()
    decoder.mels_std.fill_(1.0)
    _, _, standard = decoder.unroll(plain, values)
    torch.testing.assert_close(scaled, standard * std + mean, **CLOSE)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_gradient_reaches_every_site_and_parameter(attention, targets, values):
    decoder = make_decoder(attention, reduction=2, level_site="speaker").train()
    values = {site: z.requires_grad_() for site, z in values.items()}
    terms, _ = decoder(targets, values)
    sum(term.sum() for term in terms.values()).backward()
    for z in values.values():
        assert z.grad.abs().min(1).values.max() > 0
    missing = [n for n, p in decoder.named_parameters() if p.grad is None or not p.grad.any()]
    assert missing == []


def test_the_gradient_is_that_of_the_likelihood(targets, values):
    """Every hand-written backward at once, by finite differences in double precision."""
    decoder = make_decoder("location", reduction=2, prenet_dropout=0.0).eval()
    z = values["prosody"].clone().requires_grad_()
    terms, _ = decoder(targets, {**values, "prosody": z})
    total = sum(term.sum() for term in terms.values())
    (gradient,) = torch.autograd.grad(total, z)
    direction = gradient / gradient.norm()
    step = 1e-2
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            moved, _ = decoder(targets, {**values, "prosody": z + sign * step * direction})
        ends.append(sum(term.double().sum() for term in moved.values()))
    slope = (ends[0] - ends[1]) / (2 * step)
    torch.testing.assert_close(slope.float(), gradient.norm(), rtol=2e-2, atol=1e-3)


def test_a_second_backward_gives_the_same_gradient(targets, values):
    decoder = make_decoder().eval()
    terms, _ = decoder(targets, values)
    weight = decoder.core.attention_lstm.weight_hh_l0
    (alone,) = torch.autograd.grad(terms["mels"].sum(), weight, retain_graph=True)
    torch.autograd.grad(terms["stop"].sum(), weight, retain_graph=True)
    (again,) = torch.autograd.grad(terms["mels"].sum(), weight)
    torch.testing.assert_close(again, alone)


def test_bfloat16_is_near_float32(targets, values):
    decoder = make_decoder("dca").eval()
    terms, _ = decoder(targets, values)
    with torch.autocast("cpu", torch.bfloat16):
        reduced, _ = decoder(targets, values)
    for name, nats in terms.items():
        assert reduced[name].dtype == torch.float32
        torch.testing.assert_close(reduced[name], nats, rtol=0.02, atol=0.5)


def test_samples_lead(targets, values):
    decoder = make_decoder().eval()
    stacked = {site: torch.stack([z, z + 1, z]) for site, z in values.items()}
    terms, _ = decoder(targets, stacked)
    plain, _ = decoder(targets, values)
    for name, nats in terms.items():
        assert nats.shape == (3, 2)
        torch.testing.assert_close(nats[0], plain[name])
        assert not torch.allclose(nats[1], plain[name])


def test_the_same_seed_says_the_same_and_another_something_else(targets, values):
    decoder = make_decoder(frames_per_token=1.0).eval()
    args = (targets.tokens, targets.token_mask, values)
    first, again = decoder.generate(*args, seed=3), decoder.generate(*args, seed=3)
    assert torch.equal(first.mels, again.mels)
    other = decoder.generate(*args, seed=4)
    assert first.mels.shape != other.mels.shape or not torch.equal(first.mels, other.mels)


def test_style_may_change_within_a_sentence(targets, values):
    decoder = make_decoder().eval()
    constant = {site: z.unsqueeze(1).expand(-1, 9, -1).clone() for site, z in values.items()}
    plain, _ = decoder(targets, values)
    same, _ = decoder(targets, constant)
    torch.testing.assert_close(same["mels"], plain["mels"])
    constant["prosody"][:, 4:] += 2
    moved, _ = decoder(targets, constant)
    assert not torch.allclose(moved["mels"], plain["mels"])


def set_stop(decoder, logit):
    torch.nn.init.zeros_(decoder.core.to_stop.weight)
    torch.nn.init.constant_(decoder.core.to_stop.bias, logit)


@pytest.mark.parametrize("reduction", [1, 2, 3])
def test_the_frame_limit_ends_a_sentence_and_says_so(reduction, targets, values, caplog):
    decoder = make_decoder(reduction=reduction, frames_per_token=2.0, stuck_frames=999).eval()
    set_stop(decoder, -20.0)
    made = decoder.generate(targets.tokens, targets.token_mask, values)
    limits = [2 * phones + LIMIT_START for phones in (9, 6)]
    frames = made.mel_mask.sum(1).tolist()
    assert frames == [math.ceil(limit / reduction) * reduction for limit in limits]
    assert torch.equal(made.durations.sum(1), made.mel_mask.sum(1))
    for count, words in zip(frames, made.failures, strict=True):
        assert f"no stop within {count} frames" in words
    assert "sentence 1 may be spoken badly: no stop" in caplog.text


def test_a_stop_before_the_end_of_the_text_is_a_failure(targets, values):
    decoder = make_decoder("dca").eval()
    set_stop(decoder, 20.0)
    made = decoder.generate(targets.tokens, targets.token_mask, values)
    assert made.mels.shape[1] == 1
    assert made.failures[0].startswith("attention ended at token 1 of 9")


def test_stuck_attention_is_a_failure_and_a_window_moves_on_only_so_far(targets, values):
    decoder = make_decoder(window=(0, 0), frames_per_token=5.0, stuck_frames=50).eval()
    set_stop(decoder, -20.0)
    made = decoder.generate(targets.tokens, targets.token_mask, values)
    assert (made.alignments.argmax(-1) == 0).all()
    assert "attention stuck at one token for 85 frames" in made.failures[0]
    decoder.window = (0, 1)
    peaks = decoder.generate(targets.tokens, targets.token_mask, values).alignments.argmax(-1)
    assert (peaks.diff(dim=1) >= 0).all() and (peaks.diff(dim=1) <= 1).all()


def test_a_good_sentence_has_no_failure(targets, values, monkeypatch):
    """A mixture that steps one token a frame, and a stop where it has come to the end."""
    decoder = make_decoder("gmm").eval()
    torch.nn.init.zeros_(decoder.core.attention.parameters_of.weight)
    with torch.no_grad():
        decoder.core.attention.parameters_of.bias[6:] = -5.0  # narrow
    project, steps = decoder.core.project, []

    def stops_in_time(x, frames_per_step):
        steps.append(project(x, frames_per_step)[0])
        ends = torch.tensor([len(steps) == 9, len(steps) == 6])
        return steps[-1], torch.where(ends, 9.0, -9.0)

    monkeypatch.setattr(decoder.core, "project", stops_in_time)
    made = decoder.generate(targets.tokens, targets.token_mask, values)
    assert made.failures == ("", "") and len(steps) == 9
    assert made.mel_mask.sum(1).tolist() == [9, 6]
    assert made.durations[0].tolist() == [1] * 9
    assert made.durations[1].tolist() == [1] * 6 + [0] * 3
    decoder.core.attention.parameters_of.bias.data[3:6] = 2.0  # past the end of the text at once
    made = decoder.generate(targets.tokens, targets.token_mask, values)
    assert made.durations[0, 8] >= 4 and made.durations[0, 0] <= 1


def test_gain_is_exact_and_other_controls_are_refused(targets, values):
    decoder = make_decoder(frames_per_token=1.0).eval()
    args = (targets.tokens, targets.token_mask, values)
    plain, louder = decoder.generate(*args), decoder.generate(*args, energy_shift_db=6.0)
    gain = (louder.mels - plain.mels)[plain.mel_mask]
    torch.testing.assert_close(gain, torch.full_like(gain, 6 * math.log(10) / 20))
    assert plain.pitch_st.isnan().all() and plain.pitch_st.shape == targets.tokens.shape
    for control in (
        {"pitch_shift_st": 2.0},
        {"rate": torch.full(targets.tokens.shape, 1.2)},
        {"pitch_range": 0.5},
        {"stretch": torch.full(targets.tokens.shape, 2.0)},
        {"durations": targets.durations},
    ):
        with pytest.raises(ValueError, match=f"has no control {next(iter(control))}.*; leave it"):
            decoder.generate(*args, **control)


def test_reduction_follows_its_schedule_and_is_saved(targets, values):
    decoder = make_decoder(reduction=[[0, 3], [10, 2], [20, 1]])
    counts = []
    for step in (0, 9, 10, 25):
        decoder.set_step(step)
        counts.append(decoder.eval().unroll(targets, values)[0].stop_logits.shape[1])
    frames = targets.mels.shape[1]
    assert counts == [math.ceil(frames / r) for r in (3, 3, 2, 1)]
    decoder.set_step(12)
    loaded = make_decoder(reduction=[[0, 3], [10, 2], [20, 1]])
    loaded.load_state_dict(decoder.state_dict())
    assert int(loaded.frames_per_step) == 2
    with pytest.raises(ValueError, match="pairs .* from step 0"):
        make_decoder(reduction=[[5, 3]])


def test_errors_say_how_far_the_attention_is_off(targets, values):
    decoder = make_decoder(reduction=2).eval()
    _, predictions = decoder(targets, values)
    step_token = torch.zeros(2, predictions["alignments"].shape[1], 9)
    frames = targets.mel_mask.shape[1]
    ends = targets.durations.cumsum(1)
    for step in range(step_token.shape[1]):
        right = (ends <= min(2 * step, frames - 1)).sum(1).clamp(max=8)
        step_token[torch.arange(2), step, right] = 1
    assert decoder.errors(targets, {**predictions, "alignments": step_token})["attention_off"] == 0
    wrong = step_token.roll(4, 2)
    assert decoder.errors(targets, {**predictions, "alignments": wrong})["attention_off"] > 0.9
    perfect = {**predictions, "mels": targets.mels + 0.5}
    assert decoder.errors(targets, perfect)["mel_l1"].item() == pytest.approx(0.5)


def test_what_is_missing_is_named(targets, values):
    decoder = make_decoder(alignment_weight=1.0)
    targets.durations = None
    with pytest.raises(ValueError, match="needs durations; run recipes/align.py"):
        decoder(targets, values)
    del decoder.likelihoods["pitch_level"]
    likelihoods = dict(decoder.likelihoods.items())
    with pytest.raises(ValueError, match=r"must hold \['mels', .*'pitch_level'"):
        type(decoder)(
            decoder.text_encoder,
            {"speaker": 3},
            MELS,
            likelihoods,
            ATTENTIONS["dca"](),
            level_site="speaker",
        )
