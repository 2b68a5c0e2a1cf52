"""Which component is the clean one, and who is always noisy, on tables made by hand."""

from pathlib import Path

import numpy as np
import pytest

from tts_vae.evaluation.voices.held_out import HeldOutRecording
from tts_vae.evaluation.voices.noisy_speakers import always_noisy, clean_component
from tts_vae.evaluation.voices.posteriors import Posteriors


def posteriors(assigned: list[int], components: int) -> Posteriors:
    shares = np.eye(components)[assigned]
    return Posteriors(
        np.zeros((len(assigned), 2)), np.zeros(len(assigned)), shares, None, components
    )


def test_the_clean_component_has_the_largest_share_of_clean_recordings():
    """Component 0: 1 of 4 clean, 2: 3 of 4; component 1 is hardly used, 3 not at all."""
    assigned = [0, 0, 0, 0, 2, 2, 2, 2] * 10 + [1]
    clean = [True, False, False, False, True, True, True, False] * 10 + [True]
    component, share, usage = clean_component(posteriors(assigned, 4), clean)
    assert component == 2 and share == 0.75 and usage == pytest.approx(40 / 81)


def test_a_latent_without_components_is_refused():
    plain = Posteriors(np.zeros((2, 2)), np.zeros(2), None, None, 0)
    with pytest.raises(ValueError, match="no components"):
        clean_component(plain, [True, False])


def test_a_speaker_with_one_clean_recording_is_not_always_noisy():
    def said(speaker: str, snr_db: float | None) -> HeldOutRecording:
        factors = {"snr_db": snr_db}
        return HeldOutRecording("", "", "", speaker, Path(), np.zeros(1, np.float32), factors)

    heard = [said("a", 5.0), said("b", 9.0), said("b", None), said("c", None), said("a", 20.0)]
    assert always_noisy(heard) == {"a"}
