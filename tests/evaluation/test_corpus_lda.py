"""What single dimensions tell of a corpus: its labels by hand, and recordings through a voice."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_voice import WIDTH, sweep, write_tiny_voice  # noqa: E402

from tts_vae.audio.files import write_wav  # noqa: E402
from tts_vae.corpora.manifests import PreparedUtterance, write_manifests  # noqa: E402
from tts_vae.evaluation.cards.corpus_lda import corpus_lda, known_labels, lda_table  # noqa: E402
from tts_vae.evaluation.cards.dimension_lda import dimension_lda  # noqa: E402
from tts_vae.evaluation.voices.held_out import HeldOutRecording  # noqa: E402
from tts_vae.synthesis.voice import Voice  # noqa: E402


def recording(speaker, **factors):
    return HeldOutRecording("x", "x", "sentence", speaker, Path("x"), np.zeros(1), factors)


def test_labels_by_hand():
    recordings = [
        recording("f1", snr_db=None, rate=3, what="loud"),
        recording("f1", snr_db=12.0, rate=4, what="loud"),
        recording("m1", snr_db=None, rate=8, what="soft"),
        recording("m1", snr_db=20.0, rate=9, what="soft"),
        recording("m2", snr_db=5.0, rate=1),
        recording("m2", snr_db=5.0, rate=None),
    ]
    genders = [{"name": "f1", "gender": "female"}, {"name": "m1", "gender": "male"}]
    assert known_labels(recordings, genders) == {
        "speaker": ["f1", "f1", "m1", "m1", "m2", "m2"],
        "gender": ["female", "female", "male", "male", None, None],
        "noise": ["clean", "noisy", "clean", "noisy", "noisy", "noisy"],
        # medians 4 and 8.5: the numbers at the median are low
        "rate": ["low", "low", "high", "high", "low", None],
        "snr_db": [None, "high", None, "high", "low", "low"],
    }


def test_labels_that_say_nothing_are_left_out():
    recordings = [recording("f1", snr_db=None, level=2.0, flag=True) for _ in range(4)]
    assert known_labels(recordings) == {}
    one_off = [recording("f1"), recording("f1"), recording("m1")]
    assert known_labels(one_off) == {}, "nothing can be held out of one recording"


def test_the_table_has_the_best_site_first():
    labels = list("aabb")
    weak = dimension_lda([[0.0, 0.0], [2.0, 1.0], [1.0, 0.0], [3.0, 1.0]], labels, folds=2)
    sharp = dimension_lda([[5.0, 0.0], [5.0, 0.0], [6.0, 0.0], [6.0, 0.0]], labels, folds=2)
    (rows,) = lda_table({"gender": {"prosody": weak, "speaker": sharp}}).values()
    assert [row["site"] for row in rows] == ["speaker", "prosody"]
    assert rows[0] == {
        "site": "speaker",
        "dimension": 0,
        "fisher": 1e9,  # infinity, as a number that JSON knows
        "accuracy": 1.0,
        "baseline": 0.5,
    }
    assert rows[1]["fisher"] == 0.25, "means 1 and 2, variance 1 within each"


def test_recordings_go_through_the_encoders(tmp_path):
    """Loud and soft tones of two speakers, analysed as one by one they are inferred."""
    utterances = []
    for number in range(12):
        loud = number % 2
        sound = sweep(0.8, 22050, low_hz=100 + 5 * number) * (1.0 if loud else 0.01)
        path = write_wav(tmp_path / "corpus" / "wavs" / f"{number}.wav", sound, 22050)
        factors = {"volume": float(loud), "snr_db": None}
        utterances.append(
            PreparedUtterance(
                id=f"u{number}",
                wav_path=path,
                text="one two",
                speaker="anna" if number < 6 else "bert",
                split="test",
                duration=len(sound) / 22050,
                factors=factors,
                held_out="sentence",
            )
        )
    speakers = [{"name": "anna", "gender": "female"}, {"name": "bert", "gender": "male"}]
    write_manifests(tmp_path / "corpus", "tones", utterances, speakers, seed=0)
    voice = Voice.load(write_tiny_voice(tmp_path / "voice"))
    found = corpus_lda(voice, tmp_path / "corpus")
    assert list(found) == ["speaker", "gender", "volume"], "all are without noise"
    assert set(found["gender"]) == {"prosody", "speaker"}
    assert found["gender"]["prosody"].labels == ("female", "male")
    assert found["gender"]["prosody"].fisher.shape == (WIDTH,)
    means = [voice.style(reference=u.wav_path).values["prosody"].numpy() for u in utterances]
    for label, values in {
        "gender": ["female"] * 6 + ["male"] * 6,
        "volume": ["low", "high"] * 6,
    }.items():
        again = dimension_lda(np.stack(means), values)
        assert found[label]["prosody"].fisher == pytest.approx(again.fisher, rel=0.05)
    with pytest.raises(ValueError, match="expected a prepared corpus"):
        corpus_lda(voice, tmp_path)
