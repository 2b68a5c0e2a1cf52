"""A recording in noise and its original differ by the noise alone."""

import numpy as np
import pytest
import soundfile

from tts_vae.corpora import espeak
from tts_vae.corpora.espeak_originals import clean_originals
from tts_vae.corpora.manifests import read_cuts

pytest.importorskip("espeakng_loader")


def test_originals_are_the_recordings_without_their_noise(tmp_path):
    settings = {"noise_share": 0.5, "always_noisy": ["m2"], "progress": False, "workers": 1}
    espeak.prepare(espeak.obtain(tmp_path, 24, 3, **settings))
    cuts = [cut for split in ("train", "valid", "test") for cut in read_cuts(tmp_path, split)]
    recorded = {
        cut.id: (
            soundfile.read(cut.recording.sources[0].source, dtype="float32")[0],
            cut.supervisions[0].custom["factors"]["snr_db"],
        )
        for cut in cuts
    }
    found = clean_originals(tmp_path, list(recorded))
    assert found.keys() == recorded.keys()
    noisy = {name for name, (_, snr_db) in recorded.items() if snr_db is not None}
    assert noisy and len(noisy) < len(recorded)
    for name, (samples, snr_db) in recorded.items():
        noise = samples - found[name]
        if snr_db is None:
            assert not noise.any()
        else:  # the level of the speech leaves its silences out, so its RMS is a little lower
            realised = 20 * np.log10(np.std(found[name]) / np.std(noise))
            assert snr_db - 4 < realised < snr_db + 0.5
    with pytest.raises(ValueError, match="nobody"):
        clean_originals(tmp_path, ["nobody"])
    with pytest.raises(ValueError, match="run obtain first"):
        clean_originals(tmp_path / "empty", [])
