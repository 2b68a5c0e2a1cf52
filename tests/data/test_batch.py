import numpy as np
import pytest
import torch

from tts_vae.data.batch import collate
from tts_vae.data.dataset import UtteranceDataset
from tts_vae.data.sampler import padded_batches
from tts_vae.data.store import FeatureRecord


def record(identifier="a", durations=(2, 0, 3), f0=(0, 110, 0, 0, 220), speaker=0):
    frames = len(f0)
    return FeatureRecord(
        id=identifier,
        text=f"text {identifier}",
        tokens=torch.arange(1, len(durations) + 1) if durations else torch.tensor([4, 5]),
        durations=torch.tensor(durations) if durations else None,
        mels=torch.arange(frames * 80).reshape(frames, 80).half() / 100,
        f0_hz=torch.tensor(f0, dtype=torch.float32),
        energy_db=-10.0 * torch.arange(frames, dtype=torch.float32),
        speaker=speaker,
    )


def test_prosody_of_each_phone_by_hand():
    utterance = UtteranceDataset([record()])[0]
    # F0 between 110 Hz (frame 1) and 220 Hz (frame 4) rises by 4 semitones a frame from 12.
    np.testing.assert_allclose(utterance.pitch_st, [12, 16, 20], atol=1e-4)
    np.testing.assert_allclose(utterance.energy_db, [-5, -20, -30], atol=1e-5)
    np.testing.assert_allclose(utterance.voiced, [0.5, 0, 1 / 3], atol=1e-6)


def test_no_voice_and_no_durations_give_zeros_and_never_nan():
    silent = UtteranceDataset([record(f0=(0, 0, 0, 0, 0))])[0]
    assert not silent.pitch_st.any() and not silent.voiced.any()
    untimed = UtteranceDataset([record(durations=None)])[0]
    assert untimed.durations is None and untimed.pitch_st.tolist() == [0, 0]


def test_collate_pads_and_masks():
    long, short = record("a", speaker=3), record("b", durations=(1, 1), f0=(100, 100))
    batch = collate([UtteranceDataset([r])[0] for r in (long, short)])
    assert (batch.ids, batch.texts, len(batch)) == (["a", "b"], ["text a", "text b"], 2)
    assert batch.tokens.tolist() == [[1, 2, 3, 0], [1, 2, 0, 0]]
    assert batch.token_mask.tolist() == [[True, True, True, False], [True, True, False, False]]
    assert batch.mel_mask.sum(1).tolist() == [5, 2]
    assert batch.mels.shape == (2, 16, 80) and batch.mels.dtype == torch.float32
    assert not batch.mels[~batch.mel_mask].any()
    torch.testing.assert_close(batch.mels[1, :2], short.mels.float())
    assert batch.durations.tolist() == [[2, 0, 3, 0], [1, 1, 0, 0]]
    assert torch.equal(batch.durations.sum(1), batch.mel_mask.sum(1))
    assert batch.pitch_st.shape == batch.energy_db.shape == batch.voiced.shape == (2, 4)
    assert batch.speaker.tolist() == [3, 0]


def test_one_without_durations_leaves_the_batch_without():
    dataset = UtteranceDataset([record(), record("b", durations=None)])
    assert collate([dataset[0], dataset[1]]).durations is None
    with pytest.raises(ValueError, match="at least one utterance"):
        collate([])


def test_moving_moves_every_tensor_and_nothing_else():
    batch = collate([UtteranceDataset([record()])[0]])
    moved = batch.to("meta")
    assert moved.ids == batch.ids and moved.mels.device.type == "meta"
    assert moved.durations.device.type == moved.speaker.device.type == "meta"
    assert batch.mels.device.type == "cpu"
    untimed = collate([UtteranceDataset([record(durations=None)])[0]])
    assert untimed.to("meta").durations is None


def test_loader_gives_every_utterance_once():
    records = [record(str(n), durations=(n + 1,), f0=(100,) * (n + 1)) for n in range(25)]
    loader = padded_batches(UtteranceDataset(records), batch_size=4, seed=1)
    ids = [identifier for batch in loader for identifier in batch.ids]
    assert sorted(ids, key=int) == [str(n) for n in range(25)]
    assert len(loader) == 6 + 1
