import pytest
import torch

from tts_vae.evaluation.measures.timing import real_time_factor


def test_median_over_repeats_with_the_cold_start_apart():
    calls = []
    readings = iter([0.0, 9.0, 10.0, 10.5, 20.0, 21.0, 30.0, 34.0])

    def synthesise():
        calls.append(torch.get_num_threads())
        return 2.0

    before = torch.get_num_threads()
    timing = real_time_factor(
        synthesise, 12, threads=1, warm_ups=2, repeats=3, clock=lambda: next(readings)
    )
    # timed calls last 0.5, 1 and 4 s for 2 s of audio
    assert (timing.rtf, timing.wall_s, timing.audio_s, timing.cold_s) == (0.5, 1.0, 2.0, 9.0)
    assert (timing.repeats, timing.threads, timing.characters) == (3, 1, 12)
    assert calls == [1] * 5
    assert torch.get_num_threads() == before


def test_no_audio_and_no_repeat_are_errors():
    with pytest.raises(ValueError, match="more than 0 s"):
        real_time_factor(lambda: 0.0, 0, repeats=1)
    with pytest.raises(ValueError, match="got 3 and 0"):
        real_time_factor(lambda: 1.0, 1, repeats=0)
