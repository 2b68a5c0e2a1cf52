import gzip
import logging

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from tts_vae.audio.files import read_audio, write_wav
from tts_vae.audio.mel import MelConfig, MelSpectrogram
from tts_vae.corpora.manifests import PreparedUtterance, write_manifests
from tts_vae.data import features
from tts_vae.data.features import extract, onsets_to_durations
from tts_vae.text.phonemizer import make_phonemizer

RATE = 22050
# One vowel, one hiss, silence: each a second long apart from the first and last quarter.
ALIGNMENT = [("^", 0.0, 0.25), ("ˈæ", 0.25, 0.5), ("s", 0.75, 0.25), (".", 1.0, 0.25)]


def sound(hz, seed):
    rng = np.random.default_rng(seed)
    time = np.arange(round(1.25 * RATE)) / RATE
    tone = 0.3 * np.sin(2 * np.pi * hz * time) + 0.2 * np.sin(4 * np.pi * hz * time)
    hiss = 0.05 * rng.standard_normal(len(time))
    voice = np.where((time >= 0.25) & (time < 0.75), tone, 0)
    return (voice + np.where((time >= 0.75) & (time < 1.0), hiss, 0)).astype(np.float32)


@pytest.fixture
def corpus(tmp_path):
    """Six utterances of two speakers, with alignments; frequencies 100, 120, ... Hz."""
    out = tmp_path / "corpus"
    items = []
    for number in range(6):
        speaker, identifier = ("ann", "bob")[number % 2], f"u{number}"
        path = write_wav(
            out / "wavs" / speaker / f"{identifier}.wav", sound(100 + 20 * number, number), RATE
        )
        duration = len(sound(100, 0)) / RATE
        items.append(
            PreparedUtterance(
                identifier, path, f"As {number}.", speaker, "train", duration, ALIGNMENT,
                {"f0_median_hz": 100 + 20 * number},
            )
        )  # fmt: skip
    write_manifests(out, "tones", items, [{"name": "ann"}, {"name": "bob"}], 0)
    return out


def test_what_comes_out_is_what_lies_on_disk(corpus):
    store = extract(corpus, "train", f0_tracker="pyin", workers=0)
    assert len(store) == 6 and store.speakers == ["ann", "bob"] and store.has_durations
    record = store[1]
    assert (record.id, record.text, record.speaker) == ("u1", "As 1.", 1)
    assert record.factors == {"f0_median_hz": 120} and record.held_out == "none"
    waveform, _ = read_audio(corpus / "wavs" / "bob" / "u1.wav")
    mels = MelSpectrogram()(torch.from_numpy(waveform))
    torch.testing.assert_close(record.mels.float(), mels, atol=5e-3, rtol=1e-3)
    assert record.mels.dtype == torch.float16
    frames = len(waveform) // 256
    assert len(record.f0_hz) == len(record.energy_db) == len(mels) == frames
    assert [store.symbols[token] for token in record.tokens] == ["^", "ˈæ", "s", "."]
    # 0.25 s are 21.5 frames: boundaries are rounded, and the last phone owns the rest.
    assert record.durations.tolist() == [22, 43, 21, frames - 86]
    assert np.median(record.f0_hz[26:60]) == pytest.approx(120, rel=0.02)
    assert not record.f0_hz[88:].any()


def test_the_second_time_nothing_is_computed_and_changes_are_noticed(corpus, monkeypatch):
    first = extract(corpus, "train", f0_tracker="pyin", workers=0)
    monkeypatch.setattr(features, "_analyse", lambda *a, **k: pytest.fail("computed again"))
    again = extract(corpus, "train", f0_tracker="pyin", workers=0)
    assert again.folder == first.folder
    torch.testing.assert_close(again[3].mels, first[3].mels)
    with pytest.raises(pytest.fail.Exception):
        extract(corpus, "train", f0_tracker="pyin", workers=0, mel=MelConfig(n_mels=40))
    manifest = corpus / "cuts_train.jsonl.gz"
    lines = gzip.decompress(manifest.read_bytes()).replace(b"As 1.", b"As one.")
    manifest.write_bytes(gzip.compress(lines))
    with pytest.raises(pytest.fail.Exception):
        extract(corpus, "train", f0_tracker="pyin", workers=0)


def test_an_interrupted_run_goes_on_after_the_last_shard(corpus, monkeypatch):
    monkeypatch.setattr(features, "UTTERANCES_PER_SHARD", 2)
    real, seen = features._analyse, []

    def stops_at_the_fifth(job, mel, f0_tracker):
        if job.id == "u4" and "u4" not in seen:
            seen.append("u4")
            raise KeyboardInterrupt
        seen.append(job.id)
        return real(job, mel, f0_tracker)

    monkeypatch.setattr(features, "_analyse", stops_at_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        extract(corpus, "train", f0_tracker="pyin", workers=0)
    store = extract(corpus, "train", f0_tracker="pyin", workers=0)
    assert seen == ["u0", "u1", "u2", "u3", "u4", "u4", "u5"]
    assert [record.id for record in store] == [f"u{number}" for number in range(6)]
    assert not list(store.folder.glob(".*"))


def test_bad_recordings_are_left_out_by_name(corpus, caplog):
    (corpus / "wavs" / "ann" / "u2.wav").write_bytes(b"noise")
    (corpus / "wavs" / "bob" / "u3.wav").unlink()
    with caplog.at_level(logging.WARNING):
        store = extract(corpus, "train", f0_tracker="pyin", workers=0)
    assert [record.id for record in store] == ["u0", "u1", "u4", "u5"]
    assert {bad["id"] for bad in store.skipped} == {"u2", "u3"}
    assert "u2" in caplog.text and "u3" in caplog.text
    for wav in (corpus / "wavs").rglob("*.wav"):
        wav.unlink()
    with pytest.raises(ValueError, match="got none of 6 utterances; u0: .*no such file"):
        extract(corpus, "train", f0_tracker="pyin", workers=0, mel=MelConfig(n_mels=20))


def test_a_wrong_set_up_is_raised_and_not_blamed_on_recordings(corpus):
    with pytest.raises(ValueError, match="praat, pyin, got 'swipe'"):
        extract(corpus, "train", f0_tracker="swipe", workers=0)
    with pytest.raises(ValueError, match="tts-vae prepare"):
        extract(corpus.parent, "train", workers=0)
    assert len(extract(corpus, "valid", f0_tracker="pyin", workers=0)) == 0


def without_alignment(corpus, tmp_path):
    out = tmp_path / "plain"
    path = write_wav(out / "wavs" / "ann" / "x.wav", sound(150, 0), RATE)
    seconds = len(sound(150, 0)) / RATE
    items = [PreparedUtterance("x", path, "As, we!", "ann", "train", seconds)]
    write_manifests(out, "plain", items, [{"name": "ann"}], 0)
    return out


def test_text_becomes_tokens_where_there_is_no_alignment(corpus, tmp_path):
    plain = without_alignment(corpus, tmp_path)
    with pytest.raises(ValueError, match="pass a phonemizer"):
        extract(plain, "train", f0_tracker="pyin", workers=0)
    phonemizer = make_phonemizer("grapheme")
    store = extract(plain, "train", phonemizer=phonemizer, f0_tracker="pyin", workers=0)
    assert store[0].durations is None and not store.has_durations
    assert phonemizer.table.decode(store[0].tokens.tolist()) == phonemizer("As, we!")
    assert store.front_end == "grapheme" and store.symbols == phonemizer.table.symbols


def test_durations_of_an_aligner_lie_beside(corpus, tmp_path, caplog):
    plain = without_alignment(corpus, tmp_path)
    options = {"phonemizer": make_phonemizer("grapheme"), "f0_tracker": "pyin", "workers": 0}
    store = extract(plain, "train", **options)
    phones, frames = len(store[0].tokens), len(store[0].mels)
    durations = torch.ones(phones, dtype=torch.int64)
    durations[-1] = frames - phones + 1
    path = plain / "durations.safetensors"
    save_file({"x": durations}, path)
    assert torch.equal(extract(plain, "train", durations=path, **options)[0].durations, durations)
    save_file({"x": durations[1:]}, path)
    with pytest.raises(ValueError, match=f"x: expected {phones} durations that sum to {frames}"):
        extract(plain, "train", durations=path, **options)
    save_file({"y": durations}, path)
    with pytest.raises(ValueError, match="got none for its 1 utterances"):
        extract(plain, "train", durations=path, **options)
    with pytest.raises(ValueError, match="run the aligner first"):
        extract(plain, "train", durations=tmp_path / "none", **options)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=40), st.integers(0, 900))
def test_durations_sum_to_the_frames_exactly(onsets, frames):
    durations = onsets_to_durations(sorted(onsets), frames, RATE / 256)
    assert durations.sum() == frames and (durations >= 0).all() and len(durations) == len(onsets)


def test_processes_give_the_same_as_one(corpus, monkeypatch):
    # The shortest way to see two processes at work: 6 items, 3 for each.
    one = extract(corpus, "train", f0_tracker="pyin", workers=0)
    real = features.parallel_map
    monkeypatch.setattr(
        features, "parallel_map", lambda *a, **k: real(*a, **{**k, "items_per_worker": 3})
    )
    for path in one.folder.glob("train*.json"):
        path.unlink()
    two = extract(corpus, "train", f0_tracker="pyin", workers=2)
    for left, right in zip(one, two, strict=True):
        torch.testing.assert_close(left.mels, right.mels)
        torch.testing.assert_close(left.f0_hz, right.f0_hz)
