import json
import logging

import pytest

from tts_vae.corpora.manifests import (
    PreparedUtterance,
    read_corpus,
    read_cuts,
    speaker_genders,
    write_manifests,
)

SPEAKERS = [{"name": "ann", "gender": "F"}, {"name": "bob", "gender": "M"}]


def utterance(out, identifier="a", **changes):
    values = {
        "id": identifier,
        "wav_path": out / "wavs" / "ann" / f"{identifier}.wav",
        "text": "Hello.",
        "speaker": "ann",
        "split": "train",
        "duration": 1.0,
    }
    return PreparedUtterance(**{**values, **changes})


def test_everything_written_is_read_back_from_wherever_the_corpus_lies(tmp_path):
    out = tmp_path / "first"
    alignment = [("^", 0.0, 0.25), ("h", 0.25, 0.75)]
    item = utterance(
        out, alignment=alignment, factors={"pitch_hz_requested": 120}, split="test",
        held_out="sentence",
    )  # fmt: skip
    summary = write_manifests(out, "tiny", [item], SPEAKERS, 7, [("z", "missing")])
    assert summary["splits"] == {"train": 0, "valid": 0, "test": 1}
    assert summary["speakers"] == [{"name": "ann", "gender": "F"}]
    assert summary["skipped"] == [{"id": "z", "reason": "missing"}] and summary["seed"] == 7
    moved = out.rename(tmp_path / "second")
    assert read_corpus(moved) == summary
    assert speaker_genders(moved) == {"ann": "female"}
    assert len(read_cuts(moved, "train")) == 0
    (cut,) = read_cuts(moved, "test")
    supervision = cut.supervisions[0]
    assert cut.recording.sources[0].source == str(moved / "wavs/ann/a.wav")
    assert (supervision.text, supervision.speaker, cut.duration) == ("Hello.", "ann", 1.0)
    assert [(i.symbol, i.start, i.duration) for i in supervision.alignment["phone"]] == alignment
    assert supervision.custom["factors"] == {"pitch_hz_requested": 120}
    assert supervision.custom["held_out"] == "sentence"


def test_bad_items_are_skipped_by_id_with_a_warning(tmp_path, caplog):
    bad = {
        "empty": {"text": " "},
        "marks": {"text": "?!"},
        "short": {"duration": 0.0},
        "long": {"duration": 60.0},
        "late": {"alignment": [("^", 0.0, 3.0)]},
        "backwards": {"alignment": [("^", 0.5, 0.1), ("h", 0.2, 0.1)]},
        "nothing": {"alignment": []},
    }
    items = [utterance(tmp_path), utterance(tmp_path)]
    items += [utterance(tmp_path, name, **changes) for name, changes in bad.items()]
    with caplog.at_level(logging.WARNING):
        summary = write_manifests(tmp_path, "tiny", items, SPEAKERS, 0)
    reasons = {entry["id"]: entry["reason"] for entry in summary["skipped"]}
    assert reasons.keys() == {"a", *bad}
    assert reasons["a"] == "the id occurs twice"
    assert reasons["long"] == "60.00 s of sound; at most 20.0 s is used"
    assert all(name in caplog.text for name in bad)
    assert summary["splits"]["train"] == 1


def test_errors_of_the_caller_are_raised(tmp_path):
    for changes, words in (
        ({"split": "dev"}, "train, valid, test, got 'dev'"),
        ({"speaker": "eve"}, "'eve' is not in the table of 2"),
        ({"held_out": "yes"}, "none, sentence, factors, got 'yes'"),
    ):
        with pytest.raises(ValueError, match=words):
            write_manifests(tmp_path, "tiny", [utterance(tmp_path, **changes)], SPEAKERS, 0)
    with pytest.raises(ValueError, match="at least one usable recording, got none .1 skipped"):
        write_manifests(tmp_path, "tiny", [], SPEAKERS, 0, [("z", "missing")])
    assert not (tmp_path / "corpus.json").exists()
    for read in (read_corpus, lambda folder: read_cuts(folder, "train")):
        with pytest.raises(ValueError, match="run `tts-vae prepare` first"):
            read(tmp_path)


def test_nothing_half_written_is_left(tmp_path):
    write_manifests(tmp_path, "tiny", [utterance(tmp_path)], SPEAKERS, 0)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"corpus.json", *(f"cuts_{s}.jsonl.gz" for s in ("train", "valid", "test"))}
    json.loads((tmp_path / "corpus.json").read_text())
