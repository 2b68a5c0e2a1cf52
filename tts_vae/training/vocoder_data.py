"""Random pieces of recordings and their mels, in an order that a resumed run continues."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning
import numpy as np
import soundfile
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from tts_vae.audio.mel import MelConfig, MelSpectrogram
from tts_vae.corpora.manifests import read_cuts
from tts_vae.data.epochs import ResumableEpochs
from tts_vae.latents.processes import rank_and_size


@dataclass(frozen=True)
class Piece:
    """A stretch of one recording: its number, first frame, frames, and the gain in dB."""

    index: int
    start: int
    frames: int
    gain_db: float = 0.0


@dataclass
class VocoderBatch:
    """What a vocoder is given, and what it should have said.

    Attributes:
        mels: (batch, frames, n_mels) float32, natural-log magnitude.
        audio: (batch, frames * hop_length) float32.
        f0_hz: (batch, frames) float32, 0 where unvoiced; None if nobody asked for it.
    """

    mels: Tensor
    audio: Tensor
    f0_hz: Tensor | None = None

    @property
    def voiced(self) -> Tensor | None:
        """(batch, frames), 1 where there is a pitch."""
        return None if self.f0_hz is None else (self.f0_hz > 0).float()

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "VocoderBatch":
        """The same batch on a device."""
        return VocoderBatch(
            self.mels.to(device, non_blocking=non_blocking),
            self.audio.to(device, non_blocking=non_blocking),
            None if self.f0_hz is None else self.f0_hz.to(device, non_blocking=non_blocking),
        )

    def __len__(self) -> int:
        """Number of pieces."""
        return len(self.mels)


class Recordings(Dataset[VocoderBatch]):
    """Pieces of the recordings of a split, read from disk when asked for.

    The mels of a piece are those of the whole recording, cut out: its neighbourhood is read too.

    Args:
        corpus_dir: prepared corpus.
        split: train, valid or test.
        mel: analysis constants.
        predicted: id -> (frames, n_mels) mels to give in place of the recording's own; recordings
            without them are left out.
        f0_hz: id -> (frames,), 0 where unvoiced; None leaves it out of the batches.

    Raises:
        ValueError: if a recording has another sample rate, or predicted mels do not fit theirs.
    """

    def __init__(
        self,
        corpus_dir: Path,
        split: str,
        mel: MelConfig,
        predicted: Mapping[str, Tensor] | None = None,
        f0_hz: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.mel, self.predicted, self.f0_hz = mel, predicted, f0_hz
        self.analysis = MelSpectrogram(mel)
        self.ids: list[str] = []
        self.paths: list[str] = []
        self.frames: list[int] = []
        for cut in read_cuts(corpus_dir, split):
            recording = cut.recording
            if recording.sampling_rate != mel.sample_rate:
                raise ValueError(
                    f"{cut.id} has {recording.sampling_rate} Hz, expected {mel.sample_rate} Hz as "
                    "the mels; prepare the corpus again or change features.mel.sample_rate"
                )
            frames = recording.num_samples // mel.hop_length
            if frames < 1 or (predicted is not None and cut.id not in predicted):
                continue
            if predicted is not None and len(predicted[cut.id]) != frames:
                raise ValueError(
                    f"{cut.id}: expected {frames} frames of predicted mels, got "
                    f"{len(predicted[cut.id])}; delete the cached ones"
                )
            self.ids.append(cut.id)
            self.paths.append(recording.sources[0].source)
            self.frames.append(frames)

    def __len__(self) -> int:
        """Number of recordings."""
        return len(self.ids)

    def whole(self, index: int) -> Piece:
        """All of a recording."""
        return Piece(index, 0, self.frames[index])

    def __getitem__(self, piece: Piece) -> VocoderBatch:
        """A batch of one piece.

        What lies beyond the end of a recording is silence.
        """
        hop, total = self.mel.hop_length, self.frames[piece.index]
        # frames so far from an edge that its reflection does not reach them
        context = -(-self.mel.padding // hop)
        before = min(context, piece.start)
        first, last = piece.start - before, min(piece.start + piece.frames + context, total)
        path = self.paths[piece.index]
        try:
            samples, _ = soundfile.read(path, start=first * hop, stop=last * hop, dtype="float32")
        except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
            raise ValueError(
                f"expected a readable recording, got {path} ({' '.join(str(error).split())}); "
                "prepare the corpus again"
            ) from error
        wanted = (before + piece.frames + (context if last < total else 0)) * hop
        samples = samples.mean(axis=1) if samples.ndim > 1 else samples
        samples = np.pad(samples, (0, max(0, wanted - len(samples))))
        audio = torch.from_numpy(samples * np.float32(10 ** (piece.gain_db / 20)))
        inside = slice(before, before + piece.frames)
        if self.predicted is None:
            mels = self.analysis(audio)[inside]
        else:
            known = self.predicted[self.ids[piece.index]][piece.start :][: piece.frames].float()
            mels = torch.full((piece.frames, self.mel.n_mels), float(np.log(self.mel.floor)))
            mels[: len(known)] = known + piece.gain_db * float(np.log(10) / 20)
        audio = audio[before * hop : (before + piece.frames) * hop]
        f0_hz = None
        if self.f0_hz is not None:
            tracked = self.f0_hz[self.ids[piece.index]][piece.start :][: piece.frames]
            f0_hz = nn.functional.pad(tracked, (0, piece.frames - len(tracked))).unsqueeze(0)
        return VocoderBatch(mels.unsqueeze(0), audio.unsqueeze(0), f0_hz)


class PieceSampler(ResumableEpochs, Sampler[list[Piece]]):
    """Batches of pieces of random recordings and positions, every second of sound equally likely.

    An epoch is about once the length of the corpus; it is a function of seed and number alone.
    ``state_dict`` and ``load_state_dict`` continue within it.
    """

    def __init__(
        self,
        frames: Sequence[int],
        *,
        piece_frames: int,
        batch_size: int,
        gain_db: float = 0.0,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """Sets up the order.

        Args:
            frames: of every recording.
            piece_frames: of every piece.
            batch_size: pieces in a batch of one process.
            gain_db: pieces are louder or softer by up to so much.
            seed: draws everything.
            rank: this process of ``world_size``; each takes every world_size-th batch.
            world_size: processes.

        Raises:
            ValueError: if there is nothing to draw, or a size is not positive.
        """
        if not len(frames) or piece_frames < 1 or batch_size < 1 or gain_db < 0:
            raise ValueError(
                f"expected recordings, piece_frames and batch_size >= 1 and gain_db >= 0, got "
                f"{len(frames)}, {piece_frames}, {batch_size} and {gain_db}"
            )
        self.frames = np.asarray(frames, dtype=np.int64)
        self.piece_frames, self.batch_size, self.gain_db = piece_frames, batch_size, gain_db
        self.seed, self.rank, self.world_size = seed, rank, world_size
        self._length = max(1, int(self.frames.sum()) // (piece_frames * batch_size * world_size))

    def __len__(self) -> int:
        """Batches of an epoch and rank."""
        return self._length

    def __iter__(self) -> Iterator[list[Piece]]:
        """Yields the batches of this epoch and rank."""
        generator = np.random.default_rng([self.seed, self.epoch])
        total = self._length * self.world_size * self.batch_size
        # a row for each piece: where in the corpus, where in the recording, how loud
        draws = generator.random((total, 3))
        ends = np.cumsum(self.frames)
        indices = np.searchsorted(ends, draws[:, 0] * ends[-1], side="right")
        room = np.maximum(self.frames[indices] - self.piece_frames, 0)
        starts = (draws[:, 1] * (room + 1)).astype(np.int64)
        gains = (2 * draws[:, 2] - 1) * self.gain_db
        pieces = [
            Piece(int(index), int(start), self.piece_frames, float(gain))
            for index, start, gain in zip(indices, starts, gains, strict=True)
        ]
        for number in self._numbers(self._length):
            start = (number * self.world_size + self.rank) * self.batch_size
            yield pieces[start : start + self.batch_size]


class VocoderData(lightning.LightningDataModule):
    """Pieces to train on, whole recordings to validate on.

    Args:
        train: the recordings to learn from.
        valid: those that no gradient sees.
        batch_size: pieces in a batch (per process).
        piece_frames: of a piece.
        gain_db: pieces are louder or softer by up to so much.
        valid_clips: the first so many are validated on.
        seed: draws the pieces.

    Raises:
        ValueError: if there are no recordings to learn from.
    """

    def __init__(
        self,
        train: Recordings,
        valid: Recordings,
        batch_size: int = 16,
        piece_frames: int = 32,
        gain_db: float = 0.0,
        valid_clips: int = 32,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not len(train):
            raise ValueError("expected training recordings, got none; prepare more utterances")
        self.train, self.valid = train, valid
        self.batch_size, self.piece_frames, self.gain_db = batch_size, piece_frames, gain_db
        self.valid_clips, self.seed = valid_clips, seed

    def train_dataloader(self) -> DataLoader:
        """Batches of pieces, the same for the same seed and epoch."""
        rank, world_size = rank_and_size()
        sampler = PieceSampler(
            self.train.frames,
            piece_frames=self.piece_frames,
            batch_size=self.batch_size,
            gain_db=self.gain_db,
            seed=self.seed,
            rank=rank,
            world_size=world_size,
        )
        return DataLoader(self.train, batch_sampler=sampler, collate_fn=collate)

    def val_dataloader(self) -> DataLoader:
        """Whole recordings, one at a time."""
        count = min(self.valid_clips, len(self.valid))
        pieces = [[self.valid.whole(index)] for index in range(count)]
        return DataLoader(self.valid, batch_sampler=pieces, collate_fn=collate)


def collate(pieces: Sequence[VocoderBatch]) -> VocoderBatch:
    """Joins pieces of one length."""
    f0_hz = [piece.f0_hz for piece in pieces if piece.f0_hz is not None]
    return VocoderBatch(
        torch.cat([piece.mels for piece in pieces]),
        torch.cat([piece.audio for piece in pieces]),
        torch.cat(f0_hz) if f0_hz else None,
    )
