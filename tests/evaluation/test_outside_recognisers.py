import csv

import numpy as np
import pytest
import soundfile

from tts_vae.evaluation.listeners.outside_recognisers import (
    PocketsphinxRecogniser,
    Wav2Vec2Recogniser,
    text_error_rates,
)


class Parrot:
    name = "parrot"

    def transcribe(self, waveform, sample_rate):
        return "the cat" if len(waveform) > 5 else ""


def test_rates_of_any_recogniser():
    rates = text_error_rates(Parrot(), ["The cat.", "A dog."], [np.zeros(9), np.zeros(2)], 16000)
    assert rates.recogniser == "parrot"
    assert rates.transcripts == ("the cat", "")
    assert rates.wer.rate == pytest.approx(2 / 4)
    assert rates.cer.rate == pytest.approx(5 / 12)


def test_pocketsphinx_hears_natural_speech(ljspeech_root):
    pytest.importorskip("pocketsphinx")
    with (ljspeech_root / "metadata.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE))
    # two short clips
    rows = sorted(rows, key=lambda row: len(row[2]))[20:60:30]
    clips = [soundfile.read(ljspeech_root / "wavs" / f"{row[0]}.wav")[0] for row in rows]
    recogniser = PocketsphinxRecogniser()
    rates = text_error_rates(recogniser, [row[2] for row in rows], clips, 22050)
    assert rates.cer.rate < 0.2
    # one utterance leaves nothing behind for the next
    assert recogniser.transcribe(clips[0], 22050) == rates.transcripts[0]


def test_silence_and_stereo():
    pytest.importorskip("pocketsphinx")
    recogniser = PocketsphinxRecogniser()
    assert recogniser.transcribe(np.zeros(8000), 16000) == ""
    assert recogniser.transcribe(np.zeros(0), 16000) == ""
    with pytest.raises(ValueError, match=r"got \(8000, 2\)"):
        recogniser.transcribe(np.zeros((8000, 2)), 16000)


def test_wav2vec_says_what_to_do_without_weights(monkeypatch):
    import torchaudio

    with pytest.raises(ValueError, match="got 'WAV2VEC9'"):
        Wav2Vec2Recogniser("WAV2VEC9")

    class Offline:
        def get_model(self):
            raise OSError("no route to host")

    monkeypatch.setattr(torchaudio.pipelines, "WAV2VEC2_ASR_BASE_960H", Offline())
    with pytest.raises(ConnectionError, match="no route to host.*PocketsphinxRecogniser"):
        Wav2Vec2Recogniser()
