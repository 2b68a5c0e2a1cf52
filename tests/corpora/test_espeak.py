"""The espeak corpus: what it says, that it repeats itself exactly, and what it holds out."""

import itertools
import json
from collections import Counter

import numpy as np
import pytest
import soundfile

pytest.importorskip("espeakng_loader", reason="needs the optional extra: tts_vae[espeak]")

from tts_vae.corpora import espeak
from tts_vae.corpora.espeak_plan import (
    PITCH_ST,
    RATE_WPM,
    factor_cell,
    held_out_cell,
    plan,
)
from tts_vae.corpora.espeak_recording import record, speak, start_worker
from tts_vae.corpora.espeak_sentences import sentences
from tts_vae.corpora.espeak_speakers import SPEAKERS, variants
from tts_vae.corpora.manifests import read_corpus, read_cuts
from tts_vae.text import espeak_library
from tts_vae.text.espeak_tokens import tokenise
from tts_vae.text.normalisation import normalise
from tts_vae.text.phonemizer import EspeakPhonemizer
from tts_vae.text.symbols import PAD, default_table

SMALL = 40


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    """espeak-ng in this process with the corpus's voices."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="e-") as folder:
        data = espeak_library.voice_data(Path(folder), variants())
        start_worker(data)
        yield data
        espeak_library.load()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small corpus, spoken and prepared in one folder."""
    root = tmp_path_factory.mktemp("espeak")
    settings = {"noise_share": 0.5, "noisy_speakers": ["f1", "m1"], "progress": False}
    espeak.obtain(root, SMALL, 3, 2, **settings)
    return root, espeak.prepare(root, root), settings


def wavs(root):
    return {path.name: path.read_bytes() for path in sorted(root.glob("wavs/*/*.wav"))}


# --- sentences -----------------------------------------------------------------------------------


def test_the_default_corpus_holds_every_token_and_1500_words():
    texts = [utterance.text for utterance in plan(3000, 0) if utterance.split == "train"]
    words = {word.strip(".,;:?!—").lower() for text in texts for word in text.split()}
    assert len(words) >= 1500
    phonemizer = EspeakPhonemizer()
    counts = Counter(token for text in texts for token in phonemizer(text))
    missing = set(default_table().symbols) - {PAD} - set(counts)
    assert not missing
    assert min(counts.values()) >= 3


def test_sentences_are_new_varied_and_already_normal():
    texts = list(itertools.islice(sentences(np.random.default_rng(5)), 2000))
    assert len(set(texts)) == 2000
    assert all(normalise(text) == text for text in texts)
    ends = Counter(text[-1] for text in texts)
    assert ends["?"] > 300 and ends["!"] > 80 and ends["."] > 1000
    lengths = [len(text.split()) for text in texts]
    assert sum(length <= 4 for length in lengths) > 150 and max(lengths) >= 12
    assert sum("," in text for text in texts) > 300


# --- plan ----------------------------------------------------------------------------------------


def test_no_held_out_sentence_and_no_held_out_combination_is_in_training():
    planned = plan(2000, 1)
    train = [u for u in planned if u.split == "train"]
    read = {u.text for u in train}
    test = [u for u in planned if u.split == "test"]
    for utterance in planned:
        inside = factor_cell(
            utterance.speaker, utterance.pitch_hz, utterance.rate_wpm
        ) == held_out_cell(utterance.speaker)
        assert inside == (utterance.held_out == "factors")
        assert (utterance.text in read) == (utterance.held_out in ("none", "factors"))
    assert {u.held_out for u in test} == {"sentence", "factors"}
    assert min(Counter(u.held_out for u in test).values()) >= 60
    assert {u.speaker for u in test if u.held_out == "factors"} == set(SPEAKERS)
    assert {u.held_out for u in train} == {"none"}
    assert len(train) == 1800 and len(test) == 140


def test_factors_are_drawn_independently_over_their_whole_range():
    train = [u for u in plan(3000, 2) if u.split == "train"]
    columns = np.array(
        [
            (
                np.log2(u.pitch_hz / SPEAKERS[u.speaker].pitch_hz) * 12,
                u.spread_st,
                np.log(u.rate_wpm),
                u.volume_db,
                list(SPEAKERS).index(u.speaker),
                len(u.text),
            )
            for u in train
        ]
    )
    correlation = np.corrcoef(columns.T) - np.eye(columns.shape[1])
    assert np.abs(correlation).max() < 0.07  # 3.6 standard errors of 2,700 draws
    assert columns[:, 0].min() < PITCH_ST[0] + 0.1 and columns[:, 0].max() > PITCH_ST[1] - 0.1
    assert columns[:, 2].min() < np.log(RATE_WPM[0] + 2)
    assert columns[:, 2].max() > np.log(RATE_WPM[1] - 2)
    counts = Counter(u.speaker for u in train)
    assert max(counts.values()) < 1.2 * min(counts.values())


@pytest.mark.parametrize("utterances", [8, 9, 40, 200])
def test_small_corpora_have_every_split(utterances):
    planned = plan(utterances, 0)
    assert len(planned) == utterances
    assert {u.split for u in planned} == {"train", "valid", "test"}
    assert {u.held_out for u in planned if u.split == "test"} == {"sentence", "factors"}


def test_plans_repeat_and_seeds_differ():
    assert plan(50, 7) == plan(50, 7)
    assert [u.text for u in plan(50, 7)] != [u.text for u in plan(50, 8)]
    quiet, noisy = plan(50, 7), plan(50, 7, noise_share=1.0, noisy_speakers=["f2"])
    assert all((u.snr_db is not None) == (u.speaker == "f2") for u in noisy)
    assert [(u.text, u.pitch_hz) for u in quiet] == [(u.text, u.pitch_hz) for u in noisy]
    mixed = plan(400, 7, noise_share=0.5, always_noisy=["m1"])
    heard = {name: [u.snr_db is not None for u in mixed if u.speaker == name] for name in SPEAKERS}
    assert all(heard["m1"]) and all(10 < sum(heard[name]) < 40 for name in SPEAKERS if name != "m1")
    assert [u.text for u in mixed] == [u.text for u in plan(400, 7)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, 0), "at least 8 utterances"),
        ((40, -1), "seed of 0 or more; got -1"),
        ((40, 0, 1.5), "noise_share from 0 to 1; got 1.5"),
        ((40, 0, 0.5, ["bob"]), r"got \['bob'\]"),
        ((40, 0, 0.5, None, ["eve"]), r"got \['eve'\]"),
    ],
)
def test_bad_plans_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        plan(*arguments)


# --- speech --------------------------------------------------------------------------------------


def test_every_voice_logs_the_tokens_that_the_phonemizer_gives(voices):
    """The law of the two front doors, over 300 utterances with all their settings."""
    planned = plan(300, 4)
    logged = [speak(utterance).tokens for utterance in planned]
    espeak_library.load()
    phonemizer = EspeakPhonemizer()
    assert logged == [tuple(phonemizer(utterance.text)) for utterance in planned]
    start_worker(voices)


def test_the_same_utterance_is_the_same_whatever_was_said_before(voices):
    for first, other in itertools.pairwise(plan(SMALL, 0)[:9]):
        before = speak(first).samples
        speak(other)
        assert np.array_equal(before, speak(first).samples)


def test_the_loudest_setting_clips_no_voice(voices):
    text = "Which orange jaguars ran away, or were all of you there?"
    for speaker in SPEAKERS.values():
        speech = espeak_library.synthesize(text, speaker.voice, volume=72)
        assert 3000 < np.abs(speech.samples.astype(int)).max() < 32767


def test_voices_differ_and_factors_come_out_as_asked(voices, tmp_path):
    pytest.importorskip("parselmouth", reason="needs the optional extra: tts_vae[evaluation]")
    entries = [record(tmp_path, utterance)["factors"] for utterance in plan(120, 6)]
    asked = np.array(
        [
            (e["pitch_hz_requested"], e["pitch_spread_st_requested"], e["rate_requested"])
            for e in entries
        ]
    )
    level = np.array([e["volume_db_requested"] for e in entries])
    usable = np.array([e["f0_median_hz"] is not None for e in entries])
    assert usable.mean() > 0.95
    came = np.array([(e["f0_median_hz"] or 0, e["f0_sd_st"] or 0) for e in entries])
    error_st = 12 * np.log2(came[usable, 0] / asked[usable, 0])
    assert abs(np.median(error_st)) < 1.0 and np.std(error_st) < 2.0
    assert np.corrcoef(asked[usable, 1], came[usable, 1])[0, 1] > 0.6
    phones_per_s = [e["phones_per_s"] for e in entries]
    assert np.corrcoef(asked[:, 2], phones_per_s)[0, 1] > 0.75
    assert np.corrcoef(level, [e["rms_db"] for e in entries])[0, 1] > 0.8


def test_one_factor_moves_one_thing(voices):
    import dataclasses

    base = plan(SMALL, 0)[0]
    base = dataclasses.replace(
        base, text="The old sailor counted nine red boats.", rate_wpm=150, volume_db=0.0
    )
    fast = dataclasses.replace(base, rate_wpm=200)
    loud = dataclasses.replace(base, volume_db=3.0)
    plain = speak(base)
    assert len(speak(fast).samples) < 0.85 * len(plain.samples)
    louder = speak(loud)
    assert louder.onsets == plain.onsets
    gain_db = 20 * np.log10(np.std(louder.samples * 1.0) / np.std(plain.samples * 1.0))
    assert gain_db == pytest.approx(3.0, abs=0.02)


# --- on disk -------------------------------------------------------------------------------------


def test_alignments_tile_the_wavs_and_match_the_text(small):
    root, summary, _ = small
    assert summary == read_corpus(root)
    assert summary["skipped"] == [] and sum(summary["splits"].values()) == SMALL
    assert {s["name"]: s["gender"] for s in summary["speakers"]} == {
        name: speaker.gender for name, speaker in SPEAKERS.items()
    }
    phonemizer = EspeakPhonemizer()
    for split, count in summary["splits"].items():
        cuts = list(read_cuts(root, split))
        assert len(cuts) == count
        for cut in cuts:
            samples, rate = soundfile.read(cut.recording.sources[0].source)
            items = cut.supervisions[0].alignment["phone"]
            edges = [round(item.start * rate) for item in items] + [len(samples)]
            assert rate == 22050 and edges[0] == 0
            assert [round(item.duration * rate) for item in items] == list(np.diff(edges))
            assert min(np.diff(edges)) > 0
            assert [item.symbol for item in items] == phonemizer(cut.supervisions[0].text)


def test_noise_is_on_the_chosen_speakers_at_the_drawn_ratio(small, voices):
    root, _, _ = small
    entries = json.loads((root / "shards" / "00000.json").read_text(encoding="utf-8"))
    planned = plan(SMALL, 3, 0.5, ["f1", "m1"])
    noisy = [e for e in entries if e["factors"]["snr_db"] is not None]
    assert noisy and {e["speaker"] for e in noisy} <= {"f1", "m1"}
    for entry in noisy:
        utterance = planned[int(entry["id"][-5:])]
        clean = speak(utterance)
        heard, _ = soundfile.read(
            root / "wavs" / entry["speaker"] / f"{entry['id']}.wav", dtype="int16"
        )
        noise_db = 20 * np.log10(np.std(heard.astype(float) - clean.samples) / 32768)
        assert entry["factors"]["rms_db"] - noise_db == pytest.approx(utterance.snr_db, abs=0.3)


def test_recordings_do_not_depend_on_workers_and_survive_an_interruption(
    small, tmp_path, monkeypatch
):
    root, _, settings = small
    monkeypatch.setattr(espeak, "SHARD_UTTERANCES", 8)
    again = tmp_path / "again"
    espeak.obtain(again, SMALL, 3, 1, **settings)
    assert wavs(again) == wavs(root)
    # interrupted: one wav cut short, one shard not finished, one file half written
    victim = next(again.glob("wavs/*/*.wav"))
    victim.write_bytes(victim.read_bytes()[:1000])
    (again / "shards" / "00002.json").unlink()
    (again / "wavs" / "x.wav.1.part").write_bytes(b"half")
    kept = {p: p.stat().st_mtime_ns for p in again.glob("shards/*.json")}
    espeak.obtain(again, SMALL, 3, 2, **settings)
    assert wavs(again) == wavs(root) and not list(again.rglob("*.part"))
    untouched = [p for p, at in kept.items() if p.stat().st_mtime_ns == at]
    assert len(untouched) == 3  # of five shards, the damaged two were spoken again


def test_a_finished_corpus_is_not_spoken_again(small, monkeypatch):
    root, _, settings = small

    def refuse(*_args, **_settings):
        raise AssertionError("spoke again")

    monkeypatch.setattr(espeak, "ProcessPoolExecutor", refuse)
    assert espeak.obtain(root, SMALL, 3, **settings) == root


def test_other_settings_in_the_same_folder_are_refused(small):
    root, _, settings = small
    with pytest.raises(ValueError, match="choose another folder"):
        espeak.obtain(root, SMALL, 4, **settings)
    with pytest.raises(ValueError, match="workers of at least 1"):
        espeak.obtain(root, SMALL, 3, 0, **settings)


def test_prepare_elsewhere_brings_the_wavs_and_skips_what_is_damaged(small, tmp_path):
    root, _, _ = small
    copy = tmp_path / "copy"
    for path in [p for p in root.rglob("*") if p.is_file() and "cuts" not in p.name]:
        target = copy / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    lost, short = sorted(copy.glob("wavs/*/*.wav"))[:2]
    lost.unlink()
    short.write_bytes(b"RIFF")
    summary = espeak.prepare(copy, tmp_path / "out")
    reasons = {entry["id"]: entry["reason"] for entry in summary["skipped"]}
    assert reasons == {
        lost.stem: "its wav is missing",
        short.stem: "its wav is cut short or was changed",
    }
    assert len(wavs(tmp_path / "out")) == SMALL - 2


def test_prepare_without_recordings_says_what_to_run(tmp_path):
    with pytest.raises(ValueError, match="run obtain first"):
        espeak.prepare(tmp_path)


def test_texts_of_the_corpus_have_the_token_layout_of_the_library(voices):
    """`tokenise` is what both doors share; a plain voice gives the same tokens as ours."""
    text = plan(SMALL, 0)[1].text
    ours = tokenise(text, espeak_library.synthesize(text, SPEAKERS["f1"].voice))
    plain = tokenise(text, espeak_library.synthesize(text))
    assert ours.tokens == plain.tokens and ours.onsets != plain.onsets
