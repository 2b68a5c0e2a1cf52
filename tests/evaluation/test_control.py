import numpy as np
import pytest

pytest.importorskip("parselmouth")

from tts_vae.evaluation.controls.control import (  # noqa: E402
    control_figures,
    phone_errors,
    within_speaker_sd,
)
from tts_vae.evaluation.controls.control_sweep import HEARD, Sweep  # noqa: E402


def sweep(control: str, settings: tuple[float, ...], realised, wrong=None) -> Sweep:
    realised = np.asarray(realised, dtype=np.float64)
    changes = np.zeros((*realised.shape, len(HEARD)))
    changes[:, :, HEARD.index(control)] = realised
    wrong = np.zeros(realised.shape) if wrong is None else np.asarray(wrong, dtype=np.float64)
    return Sweep(control, settings, changes, wrong, np.array([10.0, 30.0]))


def test_figures_of_pitch_by_hand():
    # the second speaker's -6 is found an octave too high: counted, and counted apart
    table = sweep("pitch_st", (-6.0, 0.0, 6.0), [[-5.8, 6.0], [0, 0], [6.2, 6.0]])
    found = control_figures(
        table, ["a", "b"], lambda name, who: (-4.0 if who == "b" else -8.0, 8.0)
    )
    assert found["mae"] == pytest.approx((0.2 + 12.0 + 0.2 + 0.0) / 4)
    assert found["octave_errors"] == 1
    assert found["clamped"] == pytest.approx(1 / 6)  # b cannot be asked for -6
    assert found["speakers"] == pytest.approx({"a": 0.2, "b": 6.0})
    last = found["settings"][2]
    assert (last["requested"], last["realised"], last["mae"]) == pytest.approx((6.0, 6.1, 0.1))
    assert last["values"] == pytest.approx([6.2, 6.0])


def test_factors_are_compared_in_octaves_and_told_in_percent():
    # asked 0.5 and 2; came 0.5 x 1.02 and 2 x 0.99 for both
    came = np.log2([[0.51, 0.51], [1.0, 1.0], [1.98, 1.98]])
    found = control_figures(sweep("rate", (0.5, 1.0, 2.0), came), [None, None])
    assert found["percent"]["mae"] == pytest.approx(1.5)
    assert found["percent"]["p95"] == pytest.approx(2.0)
    assert found["mae"] == pytest.approx((np.log2(1.02) - np.log2(0.99)) / 2)
    assert "clamped" not in found and "octave_errors" not in found


def test_phone_errors_by_hand():
    # 40 phones a rendering; 1 wrong as usual, 3 and 5 at the two moved settings
    table = sweep("rate", (0.5, 1.0, 2.0), np.zeros((3, 2)), [[1, 2], [1, 0], [5, 0]])
    found = phone_errors({"rate": table}, np.array([1.0, 0.0]))
    assert found["usual"] == pytest.approx(1 / 40)
    assert found["moved"] == pytest.approx(8 / 80)
    assert found["settings"]["rate"] == pytest.approx({"0.5": 3 / 40, "1": 1 / 40, "2": 5 / 40})


def test_spread_is_that_within_a_speaker():
    # both speakers vary by 1 about levels that are 100 apart; one value is undefined
    values = np.array([[1.0], [3.0], [101.0], [103.0], [np.nan]])
    assert within_speaker_sd(values, ["a", "a", "b", "b", "b"]) == pytest.approx([1.0])


def test_controls_of_a_voice_on_held_out_sentences(tmp_path):
    import json

    import soundfile

    from tts_vae.corpora.manifests import PreparedUtterance, write_manifests
    from tts_vae.evaluation.controls.control import measure_controls
    from tts_vae.synthesis.voice import Voice

    voice = Voice.load("espeak")
    texts = ["The boats drift along the quiet harbor.", "My brother repairs old radios at home."]
    items = []
    for number, text in enumerate([*texts, "Only this sentence here was trained on."]):
        speech = voice.speak(text, voice.style(energy_db=3.0 * number, calibrated=False))
        path = tmp_path / "wavs" / f"{number}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, speech.waveform, speech.sample_rate)
        items.append(
            PreparedUtterance(
                id=str(number),
                wav_path=path,
                text=text,
                speaker=voice.speakers[0],
                split="test" if number < 2 else "train",
                duration=speech.duration_s,
                held_out="sentence" if number < 2 else "none",
            )
        )
    table = [{"name": name, "gender": "female"} for name in voice.speakers]
    write_manifests(tmp_path, "spoken", items, table, seed=0)
    found = measure_controls(
        voice, tmp_path, sentences=2, requests={"energy_db": (-6.0, 0.0, 6.0)}, speakers_each=2
    )
    assert found["items"] == 4 and set(found["controls"]) == {"energy_db"}
    energy = found["controls"]["energy_db"]
    assert energy["n"] == 8 and energy["mae"] < 0.3
    assert energy["slope"] == pytest.approx(1.0, abs=0.05)
    assert energy["spearman"] == pytest.approx(1.0)
    assert found["leakage"]["matrix"]["energy_db"]["energy_db"] == pytest.approx(1.0, abs=0.05)
    assert found["per"]["moved"] <= found["per"]["usual"] + 0.05
    json.dumps(found)  # plain numbers
    with pytest.raises(ValueError, match="expected 3 sentences .* got 2"):
        measure_controls(voice, tmp_path, sentences=3)
