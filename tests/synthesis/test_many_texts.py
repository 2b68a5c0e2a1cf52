import numpy as np
import pytest
import torch
from tiny_vocoder import write_tiny_vocoder
from tiny_voice import COMPONENTS, WIDTH, write_tiny_voice

from tts_vae.synthesis.many_texts import BATCH_SIZE
from tts_vae.synthesis.speech import Speech
from tts_vae.synthesis.voice import Voice

TEXTS = [
    "Hello there, good friends.",
    "No.",
    "One fine day. Two? Three more words!",
    "This is one of many sentences that differ in length.",
    "Short. And one that is rather longer than the one before it was.",
    "Yes!",
    "Seven of nine.",
]


@pytest.fixture(scope="module", params=["griffin-lim", "own vocoder"])
def voice(request, tmp_path_factory):
    folder = write_tiny_voice(tmp_path_factory.mktemp("voices") / "tiny")
    if request.param == "own vocoder":
        write_tiny_vocoder(folder / "vocoder")
    return Voice.load(folder)


def assert_same(together, alone):
    assert together.phones == alone.phones and together.gain_db == pytest.approx(alone.gain_db)
    assert np.array_equal(together.durations, alone.durations)
    assert np.abs(together.mels - alone.mels).max() <= 1e-5
    assert np.abs(together.pitch_st - alone.pitch_st).max() <= 1e-5
    # Griffin-Lim's sixty iterations and a vocoder's refinement make more of a rounding
    assert np.abs(together.waveform - alone.waveform).max() <= 5e-4


@pytest.mark.parametrize("batch_size", [1, 2, BATCH_SIZE, 16])
def test_each_text_is_spoken_as_alone(voice, batch_size):
    alone = [voice.speak(text, seed=3) for text in TEXTS]
    together = voice.speak_many(TEXTS, batch_size=batch_size, seed=3)
    assert len(together) == len(TEXTS)
    for one, other in zip(together, alone, strict=True):
        assert_same(one, other)
    if batch_size == 1:
        for one, other in zip(together, alone, strict=True):
            assert np.array_equal(one.waveform, other.waveform)


def test_every_text_in_its_own_style(voice):
    styles = [voice.style(component=k % COMPONENTS, pitch_st=k, rate=1 + k / 10) for k in range(6)]
    styles += [None]
    together = voice.speak_many(TEXTS, styles)
    for text, style, speech in zip(TEXTS, styles, together, strict=True):
        assert_same(speech, voice.speak(text, style))


def test_values_per_phone_beside_values_per_text(voice):
    text = TEXTS[2]
    phones = sum(map(len, voice.phonemize(text)))
    style = voice.style(vector=torch.linspace(-1, 1, phones * WIDTH).reshape(phones, WIDTH))
    together = voice.speak_many([TEXTS[0], text, TEXTS[3]], [None, style, None])
    assert_same(together[1], voice.speak(text, style))
    assert_same(together[2], voice.speak(TEXTS[3]))


def test_the_decoder_is_called_once_for_a_batch(voice, monkeypatch):
    sizes = []
    generate = voice.bundle.model.decoder.generate

    def counted(tokens, mask, values, **controls):
        sizes.append(len(tokens))
        return generate(tokens, mask, values, **controls)

    monkeypatch.setattr(voice.bundle.model.decoder, "generate", counted)
    voice.speak_many(["One.", "Two.", "Six.", "Ten.", "Four."], batch_size=3)
    assert sizes == [3, 2]


def test_a_decoder_that_draws_speaks_each_alone(voice, monkeypatch):
    decoder = voice.bundle.model.decoder
    generate, seeds = decoder.generate, []

    def drawing(tokens, mask, values, *, seed=0, pitch_shift_st=0.0, **controls):
        if pitch_shift_st:
            raise ValueError("pitch cannot be chosen")
        assert len(tokens) == 1
        seeds.append(seed)
        noise = torch.randn(80, generator=torch.Generator().manual_seed(seed))
        made = generate(tokens, mask, values, **controls)
        made.mels = made.mels + noise
        return made

    monkeypatch.setattr(decoder, "generate", drawing)
    random = Voice(voice.bundle, vocoder=lambda mels: torch.zeros(1, mels.shape[1] * 256))
    together = random.speak_many(TEXTS[:3], seed=7)
    assert sorted(seeds) == [7, 7, 7, 8, 9], "the third text has three sentences"
    for text, speech in zip(TEXTS, together, strict=False):
        assert np.array_equal(speech.mels, random.speak(text, seed=7).mels)
    assert not np.allclose(together[0].mels, random.speak(TEXTS[0], seed=8).mels)
    refused = dict(random.stream_many(TEXTS[:2], [None, random.style(pitch_st=2)]))
    assert isinstance(refused[0], Speech) and "pitch cannot be chosen" in str(refused[1])
    with pytest.raises(ValueError, match="pitch cannot be chosen"):
        random.speak("Hello.", random.style(pitch_st=2))


def test_a_text_that_cannot_be_spoken_stops_no_other(voice):
    texts = ["Hello.", "?!", "Goodbye."]
    spoken = dict(voice.stream_many(texts, batch_size=2))
    assert isinstance(spoken[1], ValueError) and "letter or digit" in str(spoken[1])
    assert_same(spoken[0], voice.speak(texts[0]))
    assert_same(spoken[2], voice.speak(texts[2]))
    with pytest.raises(ValueError, match="text 1: .*letter or digit"):
        voice.speak_many(texts)


def test_a_style_out_of_range_spoils_only_its_own_text(voice, monkeypatch):
    generate = voice.bundle.model.decoder.generate

    def spoiled(tokens, mask, values, **controls):
        made = generate(tokens, mask, values, **controls)
        made.mels[mask.sum(1).argmax()] = torch.nan
        return made

    monkeypatch.setattr(voice.bundle.model.decoder, "generate", spoiled)
    spoken = dict(voice.stream_many(["Hi.", "A longer one."], batch_size=2))
    assert isinstance(spoken[0], Speech) and "not finite" in str(spoken[1])


def test_arguments_are_checked_at_the_call(voice):
    with pytest.raises(ValueError, match="expected a style for each of 2 texts, got 1"):
        voice.stream_many(["a", "b"], [None])
    with pytest.raises(ValueError, match="batch_size must be 1 or more, got 0"):
        voice.stream_many(["a"], batch_size=0)
    with pytest.raises(ValueError, match="got one string; use speak"):
        voice.stream_many("hello")
    assert voice.speak_many([]) == []
