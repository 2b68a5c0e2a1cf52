import numpy as np
import pytest
import soundfile

from tts_vae.audio.files import (
    normalise_loudness,
    read_audio,
    speech_level_db,
    trim_silence,
    write_wav,
)


def tone(seconds, hz=220.0, rate=22050, amplitude=0.5):
    time = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def test_round_trip_makes_folders_and_leaves_nothing_else(tmp_path):
    path = write_wav(tmp_path / "a" / "b" / "x.wav", tone(0.5), 22050)
    waveform, rate = read_audio(path)
    assert rate == 22050 and waveform.dtype == np.float32
    np.testing.assert_allclose(waveform, tone(0.5), atol=1 / 32768)
    assert [file.name for file in path.parent.iterdir()] == ["x.wav"]
    assert soundfile.info(path).subtype == "PCM_16"


def test_stereo_is_averaged_and_resampled(tmp_path):
    path = tmp_path / "stereo.flac"
    left, right = tone(1, rate=48000), np.zeros(48000, dtype=np.float32)
    soundfile.write(path, np.stack([left, right], axis=1), 48000)
    waveform, rate = read_audio(path, 22050)
    assert (rate, waveform.shape) == (22050, (22050,))
    np.testing.assert_allclose(waveform[2000:-2000], tone(1)[2000:-2000] / 2, atol=2e-3)


def test_bad_files_are_one_line_that_names_them(tmp_path):
    empty, corrupt = tmp_path / "empty.wav", tmp_path / "corrupt.wav"
    soundfile.write(empty, np.zeros(0), 22050)
    corrupt.write_bytes(b"this is not sound")
    broken = tmp_path / "nan.wav"
    soundfile.write(broken, np.array([0.0, np.nan]), 22050, subtype="FLOAT")
    for path, words in (
        (tmp_path / "missing.wav", "no such file"),
        (empty, "0 samples"),
        (corrupt, "readable sound file"),
        (broken, "NaN"),
    ):
        with pytest.raises(ValueError, match=words) as caught:
            read_audio(path)
        assert path.name in str(caught.value) and "\n" not in str(caught.value)


def test_writing_where_one_cannot_is_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match="choose another folder"):
        write_wav(tmp_path / "file" / "x.wav", tone(0.1), 22050)
    with pytest.raises(ValueError, match="one channel"):
        write_wav(tmp_path / "x.wav", np.zeros((2, 5)), 22050)
    with pytest.raises(ValueError, match="NaN"):
        write_wav(tmp_path / "x.wav", np.array([np.nan]), 22050)


def test_trim_keeps_the_speech_and_a_margin():
    silence = np.zeros(22050, dtype=np.float32)
    trimmed = trim_silence(np.concatenate([silence, tone(1), silence]), 22050, margin_s=0.05)
    assert len(trimmed) / 22050 == pytest.approx(1.1, abs=0.02)
    assert np.abs(trimmed[:1000]).max() == 0
    with pytest.raises(ValueError, match="only digital silence"):
        trim_silence(silence, 22050)


def test_loudness_counts_speech_only_and_never_clips():
    with_pause = np.concatenate([tone(1), np.zeros(44100, dtype=np.float32)])
    level = normalise_loudness(with_pause, 22050, target_db=-23)
    assert speech_level_db(level, 22050) == pytest.approx(-23, abs=0.1)
    assert 20 * np.log10(np.sqrt(np.mean(level[:22050] ** 2))) == pytest.approx(-23, abs=0.1)
    loud = normalise_loudness(tone(1), 22050, target_db=0, peak=0.9)
    assert np.abs(loud).max() == pytest.approx(0.9, abs=1e-3)
    assert not normalise_loudness(np.zeros(100, dtype=np.float32), 22050).any()
