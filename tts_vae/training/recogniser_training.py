"""Training a CTC phone recogniser on recordings and their phones: the judge, and the aligner."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from tts_vae.data.sampler import PaddedBatchSampler
from tts_vae.models.speech.augmentation import Augmentation
from tts_vae.models.speech.recogniser import STRIDE, CtcRecogniser
from tts_vae.synthesis.processor import cpu_has_bfloat16
from tts_vae.text.symbols import SymbolTable
from tts_vae.training.recogniser_batches import (
    LabelledBatch,
    Recording,
    label_lookup,
    long_enough,
    pad_recordings,
    phone_error_rate,
)
from tts_vae.whole_file import whole_file

REAL_SPEECH = Augmentation(tempo=0.15, frequency_masks=2, time_masks=2)


@dataclass(frozen=True)
class RecogniserSettings:
    """How to train; the budget is either ``steps`` (exactly repeatable) or ``minutes``.

    Attributes:
        minutes: wall-clock budget, over all resumed runs together; ignored if ``steps`` is set.
        steps: budget in batches.
        batch_size: utterances.
        learning_rate: peak of AdamW's; linear warm-up over 5 % of the budget, then cosine to 0.
        seed: of weights, order, dropout and augmentation.
        augmentation: of the mels; :data:`REAL_SPEECH` for little real speech.
        dropout: of the recogniser.
        bf16: autocast of convolutions and LSTMs; None: where the device has matrix units for it.
            The CTC loss stays in float32.
        device: "auto", "cpu", "cuda".
        checkpoint_s: seconds between checkpoints.
    """

    minutes: float = 4.0
    steps: int | None = None
    batch_size: int = 32
    learning_rate: float = 2e-3
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    dropout: float = 0.1
    bf16: bool | None = None
    device: str = "auto"
    checkpoint_s: float = 60.0


@dataclass
class TrainedRecogniser:
    """A recogniser and how it came about.

    Attributes:
        recogniser: in evaluation mode, float32, on the CPU.
        labels: name of each label, the blank first.
        valid_error_rate: phone error rate on the validation recordings, pauses left out; NaN
            without any.
        losses: nats per label of each step since this call began.
        steps: batches in all.
        minutes: wall-clock minutes in all.
    """

    recogniser: CtcRecogniser
    labels: tuple[str, ...]
    valid_error_rate: float
    losses: list[float]
    steps: int
    minutes: float


def train_recogniser(
    train: Sequence[Recording],
    valid: Sequence[Recording],
    table: SymbolTable,
    settings: RecogniserSettings | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    initial: CtcRecogniser | None = None,
) -> TrainedRecogniser:
    """Train on ``train``; measure on ``valid`` once at the end.

    Args:
        train: recordings in memory; those too short for their phones are reported and left out.
        valid: recordings never trained on.
        table: of the tokens.
        settings: budget, batches, augmentation.
        checkpoint: file written atomically every ``checkpoint_s`` seconds and at the end.
        resume: go on from ``checkpoint`` where it exists, as if never interrupted.
        initial: start from a copy of these weights (same labels), not from random ones.

    Raises:
        ValueError: no recording can be used.
        FloatingPointError: the loss is not finite.
    """
    settings = settings or RecogniserSettings()
    labels, lookup = label_lookup(table)
    usable = [item for item in train if long_enough(item, lookup)]
    if not usable:
        raise ValueError(
            f"expected recordings with at least {STRIDE} frames a phone, none of {len(train)} has; "
            "check the corpus and the front end"
        )
    device = _device(settings.device)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        recogniser = CtcRecogniser(
            len(labels), n_mels=usable[0].mels.shape[-1], dropout=settings.dropout
        ).to(device)
        if initial is not None:
            _copy_weights(initial, recogniser)
        run = _Run(recogniser, settings, device, checkpoint)
        if resume and checkpoint is not None and checkpoint.exists():
            run.restore(checkpoint)
        run.fit(usable, lookup)
    recogniser.eval().cpu()
    return TrainedRecogniser(
        recogniser=recogniser,
        labels=labels,
        valid_error_rate=phone_error_rate(recogniser, valid, lookup, labels),
        losses=run.losses,
        steps=run.step,
        minutes=run.elapsed_s / 60,
    )


class _Run:
    """State of one training: all that a checkpoint holds, and the loop."""

    def __init__(
        self,
        recogniser: CtcRecogniser,
        settings: RecogniserSettings,
        device: torch.device,
        checkpoint: Path | None,
    ) -> None:
        self.recogniser, self.settings, self.device = recogniser, settings, device
        self.checkpoint = checkpoint
        self.optimiser = torch.optim.AdamW(recogniser.parameters(), lr=settings.learning_rate)
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.bf16 = _has_bf16(device) if settings.bf16 is None else settings.bf16
        self.step = 0
        self.elapsed_s = 0.0
        self.losses: list[float] = []

    @property
    def progress(self) -> float:
        """Share of the budget that is spent, 0 to 1."""
        if self.settings.steps is not None:
            return min(1.0, self.step / max(1, self.settings.steps))
        return min(1.0, self.elapsed_s / (60 * self.settings.minutes))

    def fit(self, items: Sequence[Recording], lookup: Tensor) -> None:
        """Spend the budget."""
        self.recogniser.train()
        before, saved = time.monotonic() - self.elapsed_s, time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with Progress(*columns) as bar:
            task = bar.add_task("recogniser", total=1000)
            for rows in self._batches(items):
                if self.progress >= 1:
                    break
                loss = self._train_step(pad_recordings([items[row] for row in rows], lookup))
                self.elapsed_s = time.monotonic() - before
                text = f"recogniser step {self.step}  {loss:.3f} nats/label"
                bar.update(task, completed=round(1000 * self.progress), description=text)
                if time.monotonic() - saved > self.settings.checkpoint_s:
                    self.save()
                    saved = time.monotonic()
        self.save()

    def _batches(self, items: Sequence[Recording]) -> Iterator[list[int]]:
        """Endless batches; a function of seed and step alone, so that a run can be resumed."""
        lengths = [item.mels.shape[0] for item in items]
        sampler = PaddedBatchSampler(
            lengths, batch_size=self.settings.batch_size, seed=self.settings.seed
        )
        epoch, position = divmod(self.step, len(sampler))
        sampler.load_state_dict({"epoch": epoch, "position": position})
        while True:
            yield from sampler

    def _train_step(self, batch: LabelledBatch) -> float:
        fraction = self.progress
        rate = fraction / 0.05 if fraction < 0.05 else 0.5 + 0.5 * math.cos(math.pi * fraction)
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * max(rate, 0.01)
        mels, mask = batch.mels.to(self.device), batch.mel_mask.to(self.device)
        mels, mask = self.settings.augmentation(mels, mask, self.generator)
        cast = torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()
        with cast:
            output = self.recogniser(mels, mask)
        nats = self.recogniser.loss(
            output, batch.labels.to(self.device), batch.label_lengths.to(self.device)
        )
        loss = nats.sum() / batch.label_lengths.sum().to(nats.device)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise FloatingPointError(
                f"the CTC loss became {value} at step {self.step}; lower learning_rate "
                f"({self.settings.learning_rate}) or set bf16=False"
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.recogniser.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        self.losses.append(value)
        return value

    def save(self) -> None:
        """Write the checkpoint whole or not at all."""
        if self.checkpoint is None:
            return
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(self.checkpoint) as partial:
            torch.save(
                {
                    "recogniser": self.recogniser.state_dict(),
                    "optimiser": self.optimiser.state_dict(),
                    "step": self.step,
                    "elapsed_s": self.elapsed_s,
                    "generator": self.generator.get_state(),
                    "random": _random_state(self.device),
                },
                partial,
            )

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        self.recogniser.load_state_dict(state["recogniser"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.elapsed_s = state["step"], state["elapsed_s"]
        self.generator.set_state(state["generator"])
        for name, value in state["random"].items():
            (torch.cuda if name == "cuda" else torch).set_rng_state(value)


def _copy_weights(source: CtcRecogniser, target: CtcRecogniser) -> None:
    try:
        target.load_state_dict(source.state_dict())
    except RuntimeError as error:
        raise ValueError(
            f"expected an initial recogniser of {target.n_labels} labels and {target.n_mels} mel "
            f"bands, got {source.n_labels} and {source.n_mels}; start from one of the same front "
            "end and default widths"
        ) from error


def _random_state(device: torch.device) -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return cpu_has_bfloat16()
