"""The figures of whole voices: of one that does exactly as asked, and of a real tiny one."""

import json
import math
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from speech_like import FORMANTS, speech_like  # noqa: E402
from tiny_held_out import write_held_out_corpus  # noqa: E402
from tiny_voice import write_tiny_voice  # noqa: E402

from tts_vae.audio.files import write_wav  # noqa: E402
from tts_vae.audio.mel import MelConfig  # noqa: E402
from tts_vae.corpora.manifests import PreparedUtterance, write_manifests  # noqa: E402
from tts_vae.evaluation.measures.diversity import voice_diversity  # noqa: E402
from tts_vae.evaluation.measures.plain_numbers import plain_numbers  # noqa: E402
from tts_vae.evaluation.voices import factors as voice_factors  # noqa: E402
from tts_vae.evaluation.voices.interpolation import voice_interpolation  # noqa: E402
from tts_vae.evaluation.voices.own_level import NaturalSpeech  # noqa: E402
from tts_vae.evaluation.voices.posteriors import Posteriors  # noqa: E402
from tts_vae.evaluation.voices.speakers import voice_speakers  # noqa: E402
from tts_vae.evaluation.voices.transfer import voice_transfer  # noqa: E402
from tts_vae.synthesis.speech import Speech  # noqa: E402
from tts_vae.synthesis.voice import Voice  # noqa: E402

pytest.importorskip("parselmouth", reason="needs the extra evaluation")

RATE = 22050
OWN_HZ = {"ann": 200.0, "bob": 110.0, "cat": 150.0}
TEXT = "ten tokens"  # with its space ten symbols: the echo says one a symbol


def style_of(number):
    """Offset in semitones, tokens a second, gain in dB: each with its own period."""
    return (-4 + number % 9, 8.0 + (number * 4) % 7, float((number * 3) % 10))


@cache
def sound(speaker, style, seed):
    offset_st, rate, gain_db = style
    wave = speech_like(
        FORMANTS[speaker], seed, OWN_HZ[speaker] * 2 ** (offset_st / 12), len(TEXT) / rate, RATE
    )
    wave *= 0.05 / np.sqrt(np.mean(wave**2))
    return (wave * 10 ** ((gain_db - 10) / 20)).astype(np.float32)


class Echo:
    """A voice that gives the style of its reference to the speaker it is told; or not."""

    speakers = tuple(OWN_HZ)
    sample_rate = RATE
    bundle = SimpleNamespace(
        metadata={},
        mel=MelConfig(),
        model=SimpleNamespace(sites={"prosody": None, "speaker": None}),
    )

    def __init__(self, keeps_speaker=True, keeps_style=True):
        self.keeps_speaker, self.keeps_style = keeps_speaker, keeps_style

    def phonemize(self, text):
        return (tuple(text.replace(" ", "e")),)

    def style(self, *, reference=None, speaker=None, prior=None):
        name = Path(reference).stem if reference else f"x-{prior}"
        own, number = name.split("-")
        kept = speaker if self.keeps_speaker and speaker else own
        style = style_of(int(number)) if self.keeps_style else (0.0, 11.0, 5.0)
        return kept, style

    def speak_many(self, texts, styles, seed=0):
        spoken = []
        for number, (speaker, style) in enumerate(styles):
            wave = sound(speaker, style, 1000 + number % 3)
            nothing = np.zeros(1, np.float32)
            tokens = self.phonemize(TEXT)[0]
            spoken.append(Speech(wave, RATE, nothing[None], tokens, nothing, nothing, 256))
        return spoken


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("echo")
    items = []
    for speaker in OWN_HZ:
        for number in range(15):
            wave = sound(speaker, style_of(number), number)
            # the reference's number in its name, so that the echo can look its style up
            path = write_wav(folder / "wavs" / f"{speaker}-{number}.wav", wave, RATE)
            split = "train" if number < 9 else "test"
            items.append(
                PreparedUtterance(
                    path.stem, path, TEXT, speaker, split, len(wave) / RATE, held_out="none"
                )
            )
    write_manifests(folder, "echo", items, [{"name": name} for name in OWN_HZ], seed=0)
    return folder


@pytest.fixture(scope="module")
def natural(corpus):
    return NaturalSpeech.of(Echo(), corpus)


def test_what_is_usual_and_how_far_it_spreads(natural):
    # nine training recordings: offsets -4 to 4 once each
    for name, hz in OWN_HZ.items():
        assert natural.usual[name][0] == pytest.approx(12 * math.log2(hz / 55), abs=0.1)
    assert natural.spread[0] == pytest.approx(math.sqrt(60 / 8), abs=0.1)
    gains = np.array([style_of(n)[2] for n in range(9)])
    assert natural.spread[2] == pytest.approx(gains.std(ddof=1), abs=0.15)
    assert len(natural.recordings) == 18 and natural.judge is None
    offsets = [style_of(int(r.id.split("-")[1]))[0] for r in natural.recordings]
    assert natural.relative[:, 0] == pytest.approx(offsets, abs=0.2)
    assert natural.least_move == pytest.approx(natural.spread)


def test_recordings_brought_to_one_level_have_no_energy_of_their_own(corpus):
    levelled = Echo()
    levelled.bundle = SimpleNamespace(**vars(Echo.bundle) | {"metadata": {"level_db": -23.0}})
    natural = NaturalSpeech.of(levelled, corpus, limit=9, from_training=5)
    assert np.isnan(natural.relative[:, 2]).all() and np.isnan(natural.spread[2])
    assert not np.isnan(natural.relative[:, :2]).any() and natural.least_move[2] == 1
    found = voice_transfer(levelled, corpus, limit=9, natural=natural)
    energy = found["parallel"]["relative"]["energy_db"]
    assert (energy["n"], energy["undefined"]) == (0, 9)
    spread = voice_diversity(levelled, corpus, limit=1, natural=natural)["prior"]["energy_db"]
    assert spread["sd"] > 0 and math.isnan(spread["of_natural"])


def test_a_voice_that_does_as_asked_transfers_everything(corpus, natural):
    found = voice_transfer(Echo(), corpus, limit=18, natural=natural)
    assert found["pairs"] == 18 and found["across_speakers"]
    for kind in ("parallel", "non_parallel"):
        for name, unit in (("pitch_st", 0.3), ("rate", 1.0), ("energy_db", 0.5)):
            relative = found[kind]["relative"][name]
            assert relative["spearman"] > 0.97 and relative["mae"] < unit
            assert relative["slope"] == pytest.approx(1, abs=0.1)
        assert found[kind]["speaker_accuracy"] == 1
        assert found[kind]["speaker_accuracy_natural"] == 1
        assert all(i["speaker"] != i["reference_speaker"] for i in found[kind]["items"])
    # an absolute level follows the speaker and not the reference
    assert found["parallel"]["absolute"]["pitch_st"]["mae"] > 3
    json.dumps(plain_numbers(found)[0])


def test_a_voice_that_copies_the_reference_loses_its_own_speaker(corpus, natural):
    found = voice_transfer(Echo(keeps_speaker=False), corpus, limit=18, natural=natural)
    assert found["parallel"]["speaker_accuracy"] == 0
    assert found["parallel"]["absolute"]["pitch_st"]["mae"] < 0.3


def test_a_voice_that_ignores_the_reference_transfers_nothing(corpus, natural):
    found = voice_transfer(Echo(keeps_style=False), corpus, limit=18, natural=natural)
    assert found["parallel"]["speaker_accuracy"] == 1
    assert abs(found["parallel"]["relative"]["pitch_st"]["slope"]) < 0.1
    assert found["parallel"]["relative"]["pitch_st"]["mae"] > 1.5


def test_prior_samples_as_varied_as_nature_and_not_at_all(corpus, natural):
    found = voice_diversity(Echo(), corpus, limit=2, samples=18, natural=natural)
    assert found["samples"] == 18 and found["texts"] == 2
    # numbers 0 to 17 are every offset twice: sqrt(120 / 17)
    assert found["prior"]["pitch_st"]["sd"] == pytest.approx(math.sqrt(120 / 17), abs=0.15)
    assert found["prior"]["pitch_st"]["of_natural"] == pytest.approx(0.97, abs=0.06)
    flat = voice_diversity(Echo(keeps_style=False), corpus, limit=2, natural=natural)
    assert flat["prior"]["pitch_st"]["of_natural"] < 0.05
    assert flat["references"]["energy_db"]["of_natural"] < 0.1
    with pytest.raises(ValueError, match="10 samples or more"):
        voice_diversity(Echo(), corpus, samples=9, natural=natural)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return Voice.load(write_tiny_voice(tmp_path_factory.mktemp("voices") / "tiny"))


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    return write_held_out_corpus(tmp_path_factory.mktemp("tones"))


def test_interpolation_of_a_real_voice(tiny, tones):
    found = voice_interpolation(tiny, tones, limit=2)
    assert found["steps"] == 9 and found["pairs"] == 2
    first, second = found["items"]
    assert (first["speaker"], second["speaker"]) == ("anna", "bert")
    assert len({first["start"], first["end"], second["start"], second["end"]}) == 4
    for name in ("pitch_st", "rate", "energy_db"):
        assert len(first[name]["values"]) == 9
        moved = [item[name] for item in found["items"] if item[name]["moved"]]
        assert found["moved"][name]["n"] == len(moved)
        for entry in moved:
            change = entry["values"][-1] - entry["values"][0]
            assert abs(change) >= found["least_move"][name]
    json.dumps(plain_numbers(found)[0])
    assert voice_interpolation(tiny, tones, limit=2)["items"][0]["rate"] == first["rate"]


def test_speakers_of_a_real_voice(tiny, tones):
    found = voice_speakers(tiny, tones, limit=6)
    assert found["chance"] == pytest.approx(1 / 3)
    for name in ("natural", "copy_synthesis", "named", "inferred"):
        assert found[name]["n"] == 6 and 0 <= found[name]["accuracy"] <= 1
    json.dumps(plain_numbers(found)[0])


def test_one_speaker_cannot_be_told_from_anybody(tmp_path):
    voice = Voice.load(write_tiny_voice(tmp_path / "voice", speakers=("anna",)))
    corpus = write_held_out_corpus(tmp_path / "corpus", speakers=("anna",))
    assert "two speakers or more" in voice_speakers(voice, corpus, limit=4)["undefined"]
    found = voice_transfer(voice, corpus, limit=4)
    assert not found["across_speakers"]
    assert found["parallel"]["speaker_accuracy"] is None
    assert {item["speaker"] for item in found["parallel"]["items"]} == {"anna"}


def test_a_latent_without_a_prior_says_so(tmp_path, tones):
    voice = Voice.load(write_tiny_voice(tmp_path / "voice", prosody="code"))
    found = voice_diversity(voice, tones, limit=1)
    assert "no prior to draw from" in found["prior"]["undefined"]
    assert found["references"]["rate"]["sd"] >= 0


def test_factors_must_be_known(tiny, tones):
    assert (
        "only that corpus knows them"
        in voice_factors.voice_disentanglement(tiny, tones)["undefined"]
    )


def test_codes_that_are_the_factors(tiny, tmp_path, monkeypatch):
    generator = np.random.default_rng(0)
    items, middle = [], {"anna": 200.0, "bert": 110.0, "carl": 150.0}
    for number in range(300):
        speaker = list(middle)[number % 3]
        factors = {
            "pitch_hz_requested": middle[speaker] * 2 ** (generator.uniform(-4, 4) / 12),
            "pitch_spread_st_requested": 2.0,  # constant: dropped
            "rate_requested": int(generator.integers(115, 215)),
            "volume_db_requested": generator.uniform(-6, 6),
            "snr_db": 10.0 if generator.random() < 0.5 else None,
        }
        wave = 0.1 * generator.standard_normal(RATE // 2).astype(np.float32)
        path = write_wav(tmp_path / "wavs" / f"{number}.wav", wave, RATE)
        split = "train" if number % 5 else "test"
        items.append(
            PreparedUtterance(f"{number}", path, TEXT, speaker, split, 0.5, factors=factors)
        )
    table = [{"name": name, "pitch_hz": hz} for name, hz in middle.items()]
    write_manifests(tmp_path, "espeak", items, table, seed=0)

    def perfect(voice, recordings):
        """Prosody knows the pitch about the speaker's own, and the volume; the other knows who."""
        drawn = [r.factors for r in recordings]
        st = [
            12 * math.log2(f["pitch_hz_requested"] / middle[r.speaker])
            for f, r in zip(drawn, recordings, strict=True)
        ]
        volume = [-f["volume_db_requested"] for f in drawn]
        who = [[float(voice.speakers.index(r.speaker))] for r in recordings]
        nats = np.zeros(len(drawn))
        return {
            "prosody": Posteriors(np.array([st, volume]).T, nats, None, None, 0),
            "speaker": Posteriors(np.array(who), nats, None, None, 0),
        }

    monkeypatch.setattr(voice_factors, "infer_posteriors", perfect)
    found = voice_factors.voice_disentanglement(tiny, tmp_path, limit=300)
    assert found["items"] == 300 and found["held_out"] == 60
    prosody, speaker = found["sites"]["prosody"], found["sites"]["speaker"]
    assert prosody["factors"] == ("pitch_st", "log_rate", "volume_db", "noisy")
    assert prosody["dimensions"] == 2 and speaker["dimensions"] == 1
    known = prosody["informativeness"]
    assert known["pitch_st"] > 0.95 and known["volume_db"] > 0.95 and known["log_rate"] < 0.1
    # with 20 x 20 bins and 300 items a dimension that knows nothing seems to know a nat in three
    assert prosody["mig_of_factor"]["pitch_st"] > 0.6 > 0.1 > prosody["mig_of_factor"]["log_rate"]
    assert speaker["mig_of_factor"]["speaker"] == pytest.approx(1)
    assert found["all"]["mig_of_factor"]["speaker"] > 0.8
    assert found["speaker_known"]["speaker"] == 1 and found["speaker_known"]["prosody"] < 0.55
    json.dumps(plain_numbers(found)[0])
