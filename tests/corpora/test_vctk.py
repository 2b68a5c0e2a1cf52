import numpy as np
import pytest
import soundfile

from tts_vae.corpora import vctk
from tts_vae.corpora.manifests import read_corpus, read_cuts

INFO = """ID  AGE  GENDER  ACCENTS  REGION COMMENTS
p225  23  F    English    Southern  England
p280\t25\tF  French  France  (mic2 files are unavailable)

p315 18 M American New England (text and mic2 files are unavailable)
s5   22  F British
p999
"""


@pytest.fixture
def corpus(tmp_path):
    """Three speakers in the 0.92 layout; p315 has no texts, p280 one microphone."""
    root = tmp_path / "VCTK-Corpus-0.92"
    tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(24000) / 48000)
    for name, microphones in (("p225", "12"), ("p280", "1"), ("p315", "1")):
        (root / vctk.AUDIO / name).mkdir(parents=True)
        for number in range(1, 11):
            for microphone in microphones:
                file = f"{name}_{number:03}_mic{microphone}.flac"
                soundfile.write(root / vctk.AUDIO / name / file, tone, 48000)
        if name == "p315":
            continue
        (root / "txt" / name).mkdir(parents=True)
        for number in range(1, 11):
            text = f"Sentence {number} of all." if number < 7 else f"{name} reads {number}."
            (root / "txt" / name / f"{name}_{number:03}.txt").write_text(text + "\n")
    (root / "speaker-info.txt").write_text(INFO)
    return root


def test_speakers_are_read_through_ragged_columns(corpus):
    speakers = vctk.read_speakers(corpus / "speaker-info.txt")
    assert speakers["p225"] == {
        "gender": "F", "accent": "English", "age": 23, "region": "Southern England",
    }  # fmt: skip
    assert speakers["p280"]["accent"] == "French" and speakers["p280"]["region"] == "France"
    assert speakers["p315"]["region"] == "New England"
    assert speakers["s5"] == {"gender": "F", "accent": "British", "age": 22, "region": ""}
    assert speakers["p999"]["gender"] == "unknown" and speakers["p999"]["age"] is None


def test_gaps_are_skipped_by_name_and_the_other_microphone_is_reported(corpus, tmp_path, caplog):
    (corpus / "txt" / "p225" / "p225_002.txt").unlink()
    (corpus / "txt" / "p225" / "p225_003.txt").write_text(" \n")
    (corpus / vctk.AUDIO / "p225" / "p225_004_mic2.flac").write_bytes(b"fLaC?")
    for microphone in "12":
        (corpus / vctk.AUDIO / "p225" / f"p225_005_mic{microphone}.flac").unlink()
    (corpus / "txt" / "p400").mkdir()
    out = tmp_path / "out"
    summary = vctk.prepare(vctk.obtain(corpus.parent), out, workers=0, microphone="mic2")
    reasons = {entry["id"]: entry["reason"] for entry in summary["skipped"]}
    assert reasons["p315"] == "no texts for this speaker (10 recordings)"
    assert reasons["p225_002"] == "missing text" and reasons["p225_003"] == "empty text"
    assert "readable sound file" in reasons["p225_004"]
    assert reasons["p225_005"] == "missing recording"
    assert reasons["p400"] == "no recordings for this speaker"
    assert len(reasons) == 6
    assert summary["other_microphone"] == {"p280": 10} and "p280: 10 recordings" in caplog.text
    assert [speaker["name"] for speaker in summary["speakers"]] == ["p225", "p280"]
    cuts = [cut for split in ("train", "valid", "test") for cut in read_cuts(out, split)]
    assert len(cuts) == 16
    used = {cut.supervisions[0].custom["factors"]["microphone"] for cut in cuts}
    assert used == {"mic1", "mic2"}
    assert read_corpus(out) == summary


def test_held_out_texts_are_in_nobodys_training(corpus, tmp_path):
    vctk.prepare(corpus, tmp_path / "out", workers=0)
    texts, speakers = {}, {}
    for split in ("train", "valid", "test"):
        cuts = list(read_cuts(tmp_path / "out", split))
        texts[split] = {cut.supervisions[0].text for cut in cuts}
        speakers[split] = {cut.supervisions[0].speaker for cut in cuts}
    assert not texts["train"] & (texts["valid"] | texts["test"])
    assert not texts["valid"] & texts["test"]
    assert speakers["train"] == speakers["valid"] == speakers["test"] == {"p225", "p280"}


def test_a_wrong_root_microphone_and_failed_download_say_what_to_do(corpus, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="mic1, mic2, got 'mic3'"):
        vctk.prepare(corpus, tmp_path / "out", microphone="mic3")
    empty = tmp_path / "empty"
    with pytest.raises(ValueError, match="pass corpus.root=PATH"):
        vctk.prepare(empty, tmp_path / "out")

    def offline(root, use_edinburgh_vctk_url):
        raise OSError("no network")

    monkeypatch.setattr(vctk, "download_vctk", offline)
    with pytest.raises(ValueError, match="no network.*pass corpus.root=PATH"):
        vctk.obtain(empty)


def test_the_archive_has_no_folder_of_its_own(tmp_path, monkeypatch):
    def download(root, use_edinburgh_vctk_url):  # what lhotse 1.33 does with VCTK-Corpus-0.92.zip
        (root / vctk.AUDIO).mkdir(parents=True)
        (root / "VCTK-Corpus-0.92.zip").touch()
        raise FileNotFoundError("VCTK-Corpus-0.92/.completed")

    monkeypatch.setattr(vctk, "download_vctk", download)
    assert vctk.obtain(tmp_path) == tmp_path
    monkeypatch.setattr(vctk, "download_vctk", lambda *a, **k: pytest.fail("downloaded again"))
    assert vctk.obtain(tmp_path) == tmp_path


def test_the_excerpt(vctk_root, tmp_path):
    summary = vctk.prepare(vctk.obtain(vctk_root), tmp_path, workers=0)
    assert summary["splits"] == {"train": 25, "valid": 8, "test": 12}
    assert [speaker["gender"] for speaker in summary["speakers"]] == ["F", "M", "M", "F"]
    assert summary["skipped"] == [] and summary["other_microphone"] == {}
