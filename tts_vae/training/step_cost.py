"""What a training step costs on a machine: time, memory, and the share of its arithmetic it uses.

FLOPs are those of the products and convolutions of forward and backward pass, two for every
multiplication with its addition, counted on a CPU as torch does them; optimiser and element-wise
work are not in them. Utilisation is their rate over that of one large matrix product, measured in
the same run and precision, and over the maker's figure where it is told.
"""

import resource
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tts_vae.data.batch import SpeechBatch
from tts_vae.synthesis.processor import cpu_has_bfloat16
from tts_vae.training.module import LatentModule

_PRODUCT = {"cpu": 2048, "cuda": 8192}  # rows and columns of the large product
_PRODUCTS = 10


@dataclass(frozen=True)
class StepCost:
    """Cost of a training step.

    Attributes:
        steps_per_s: from the median of the timed steps.
        audio_per_s: seconds of speech trained on in a second.
        gflop: of a step.
        tflops: reached, 10^12 operations a second.
        product_tflops: of one large product.
        utilisation: tflops / product_tflops.
        peak_memory_mb: of the device, or of the process on a CPU.
        parameters: trained numbers.
    """

    steps_per_s: float
    audio_per_s: float
    gflop: float
    tflops: float
    product_tflops: float
    utilisation: float
    peak_memory_mb: float
    parameters: int


def choose_device(device: str = "auto", precision: str = "auto") -> tuple[str, bool]:
    """Where to measure, and whether products are in bfloat16.

    Args:
        device: "cpu", "cuda", or "auto": a GPU where torch sees one.
        precision: "float32", "bfloat16", or "auto": bfloat16 where the device computes in it.

    Raises:
        ValueError: if a word is unknown, or there is no GPU to take.
    """
    known = {"device": ("auto", "cpu", "cuda"), "precision": ("auto", "float32", "bfloat16")}
    for name, value in {"device": device, "precision": precision}.items():
        if value not in known[name]:
            raise ValueError(f"{name} must be one of {', '.join(known[name])}, got {value!r}")
    gpu = torch.cuda.is_available()
    if device == "cuda" and not gpu:
        raise ValueError("device is cuda and torch sees no GPU; use device=cpu")
    chosen = ("cuda" if gpu else "cpu") if device == "auto" else device
    able = torch.cuda.is_bf16_supported() if chosen == "cuda" else cpu_has_bfloat16()
    return chosen, able if precision == "auto" else precision == "bfloat16"


def random_speech(
    items: int, phones: int, frames: int, n_mels: int, n_symbols: int, n_speakers: int, seed: int
) -> SpeechBatch:
    """A batch of one size: what is in it does not change the time.

    Raises:
        ValueError: if there are fewer frames than phones, or a size is not positive.
    """
    if min(items, phones) < 1 or frames < phones:
        raise ValueError(
            f"expected items and phones >= 1 and at least a frame for each phone, got {items}, "
            f"{phones} and {frames}"
        )
    generator = torch.Generator().manual_seed(seed)
    durations = torch.full((items, phones), frames // phones)
    durations[:, -1] += frames - int(durations[0].sum())
    number = torch.rand(3, items, phones, generator=generator)
    return SpeechBatch(
        ids=[""] * items,
        texts=[""] * items,
        tokens=torch.randint(1, n_symbols, (items, phones), generator=generator),
        token_mask=torch.ones(items, phones, dtype=torch.bool),
        mels=torch.randn(items, frames, n_mels, generator=generator) - 5.0,
        mel_mask=torch.ones(items, frames, dtype=torch.bool),
        durations=durations,
        pitch_st=20 + 5 * number[0],
        energy_db=-30 + 5 * number[1],
        voiced=number[2],
        speaker=torch.randint(0, n_speakers, (items,), generator=generator),
    )


def step_cost(
    module: LatentModule,
    batch: SpeechBatch,
    frame_s: float,
    device: str,
    bfloat16: bool,
    steps: int,
    warm_ups: int,
    note: Callable[[int], Any] = lambda step: None,
) -> StepCost:
    """Train on one batch again and again, and time it.

    Args:
        module: with model, objective and optimiser, on a CPU.
        batch: of any size, on a CPU.
        frame_s: seconds of a frame.
        device: "cpu" or "cuda".
        bfloat16: whether products are in bfloat16 (autocast), as ``trainer.precision`` has it.
        steps: that are timed.
        warm_ups: steps before them.
        note: told every step, for a progress bar.

    Raises:
        ValueError: if no step is timed.
    """
    if steps < 1:
        raise ValueError(f"expected steps >= 1, got {steps}")
    model, objective = module.model.train(), module.objective

    def loss(batch: SpeechBatch) -> Tensor:
        output = model(batch)
        scored: Tensor = objective(output.log_likelihood, output.sites, 0).loss
        return scored

    flop = _count(lambda: loss(batch).backward())  # type: ignore[no-untyped-call]
    module.zero_grad()
    module.to(device)
    batch = batch.to(device)
    optimizer = module.configure_optimizers()["optimizer"]
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for step in range(warm_ups + steps):
        _finish(device)
        start = time.perf_counter()
        with torch.autocast(device, torch.bfloat16, enabled=bfloat16):
            value = loss(batch)
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        _finish(device)
        seconds.append(time.perf_counter() - start)
        note(step)
    took = median(seconds[warm_ups:])
    fastest = product_rate(device, bfloat16)
    return StepCost(
        steps_per_s=1 / took,
        audio_per_s=float(batch.mel_mask.sum()) * frame_s / took,
        gflop=flop / 1e9,
        tflops=flop / took / 1e12,
        product_tflops=fastest / 1e12,
        utilisation=flop / took / fastest,
        peak_memory_mb=_peak_memory_mb(device),
        parameters=sum(p.numel() for p in module.parameters() if p.requires_grad),
    )


def product_rate(device: str, bfloat16: bool) -> float:
    """Operations a second of one large matrix product, the fastest of some."""
    size = _PRODUCT[device]
    kind = torch.bfloat16 if bfloat16 else torch.float32
    one = torch.randn(size, size, device=device).to(kind)
    seconds = []
    for _ in range(_PRODUCTS + 2):
        _finish(device)
        start = time.perf_counter()
        torch.mm(one, one)
        _finish(device)
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


def _count(step: Callable[[], Any]) -> float:
    """Operations of a step; recurrent layers taken apart, which the counter knows no other way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of settings for GPUs of other makers
        with torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter:
            step()
    return float(counter.get_total_flops())


def _finish(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _peak_memory_mb(device: str) -> float:
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
