"""What the espeak corpus will say, before anything is spoken: text, speaker, split, settings.

Every factor has its own random stream, so they are independent by construction; utterance i of a
seed is the same whoever draws it. Two things are held out of training:

- sentences: no text of `valid` or of `test` occurs in `train` (test items "sentence");
- combinations of factors: pitch and rate fall in a 3 x 3 grid of equal parts, and each speaker has
  one corner cell that only test items "factors" come from. Their texts are read in `train` too,
  so what is new about them is the combination alone. Over the eight speakers every corner is left
  out twice, once by a woman and once by a man: pitch and rate stay uncorrelated in training.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .espeak_sentences import sentences
from .espeak_speakers import SPEAKERS, Speaker

PITCH_ST = (-4.0, 4.0)
"""Middle pitch of an utterance about the speaker's, semitones."""
SPREAD_ST = (0.8, 3.0)
"""Standard deviation of F0 in an utterance, semitones."""
RATE_WPM = (115.0, 215.0)
"""Words a minute, drawn on a logarithmic scale."""
VOLUME_DB = (-6.0, 6.0)
"""Level about the corpus's middle level, dB."""
SNR_DB = (5.0, 25.0)
"""Signal to noise where there is noise, dB."""
TEST_SHARE, VALID_SHARE = 0.07, 0.03
_CORNERS = ((0, 0), (2, 2), (0, 2), (2, 0))


@dataclass(frozen=True)
class PlannedUtterance:
    """One utterance to be spoken.

    Attributes:
        id: "espeak-00042".
        text: the sentence.
        speaker: name of the speaker.
        split: "train", "valid" or "test".
        held_out: "none", "sentence" or "factors".
        pitch_hz: median F0 wanted, Hz.
        spread_st: standard deviation of F0 wanted, semitones.
        rate_wpm: words a minute.
        volume_db: level about the corpus's middle, dB.
        snr_db: signal to noise ratio, dB; None without noise.
        noise_seed: what the noise is drawn from.
    """

    id: str
    text: str
    speaker: str
    split: str
    held_out: str
    pitch_hz: float
    spread_st: float
    rate_wpm: int
    volume_db: float
    snr_db: float | None
    noise_seed: int


def held_out_cell(speaker: str) -> tuple[int, int]:
    """The (pitch third, rate third) of this speaker that training never hears."""
    return _CORNERS[list(SPEAKERS).index(speaker) % len(_CORNERS)]


def factor_cell(speaker: str, pitch_hz: float, rate_wpm: float) -> tuple[int, int]:
    """The (pitch third, rate third) that a setting falls in, each 0 (low, slow) to 2."""
    offset_st = 12 * math.log2(pitch_hz / SPEAKERS[speaker].pitch_hz)
    pitch = (offset_st - PITCH_ST[0]) / (PITCH_ST[1] - PITCH_ST[0])
    rate = math.log(rate_wpm / RATE_WPM[0]) / math.log(RATE_WPM[1] / RATE_WPM[0])
    return min(max(int(3 * pitch), 0), 2), min(max(int(3 * rate), 0), 2)


def plan(
    utterances: int,
    seed: int,
    noise_share: float = 0.0,
    noisy_speakers: Sequence[str] | None = None,
    always_noisy: Sequence[str] = (),
) -> list[PlannedUtterance]:
    """Draw the corpus.

    Args:
        utterances: how many, at least 8.
        seed: of everything random.
        noise_share: share of the noisy speakers' utterances that get noise, 0 to 1.
        noisy_speakers: who may be noisy; None for all.
        always_noisy: who is never heard without noise, whatever the share.

    Returns:
        One plan each, in the order of their ids.

    Raises:
        ValueError: too few utterances, a share outside [0, 1], an unknown speaker, a negative seed.
    """
    _check(utterances, seed, noise_share, [*(noisy_speakers or ()), *always_noisy])
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(9)]
    texts_rng, order, who, pitch, spread, rate, volume, noise, noise_seeds = streams
    roles = _roles(utterances, order)
    texts = _texts(roles, texts_rng)
    noisy = set(SPEAKERS if noisy_speakers is None else noisy_speakers)
    planned = []
    speakers = _rounds(list(SPEAKERS), utterances, who)
    for number, ((split, held_out), text, name) in enumerate(
        zip(roles, texts, speakers, strict=True)
    ):
        speaker = SPEAKERS[name]
        pitch_hz, rate_wpm = _pitch_and_rate(speaker, held_out == "factors", pitch, rate)
        snr_db = round(float(noise.uniform(*SNR_DB)), 2)
        drawn = noise.random() < noise_share and name in noisy
        with_noise = drawn or name in always_noisy
        planned.append(
            PlannedUtterance(
                id=f"espeak-{number:05d}",
                text=text,
                speaker=name,
                split=split,
                held_out=held_out,
                pitch_hz=pitch_hz,
                spread_st=round(float(spread.uniform(*SPREAD_ST)), 3),
                rate_wpm=rate_wpm,
                volume_db=round(float(volume.uniform(*VOLUME_DB)), 2),
                snr_db=snr_db if with_noise else None,
                noise_seed=int(noise_seeds.integers(2**31)),
            )
        )
    return planned


def _check(utterances: int, seed: int, noise_share: float, noisy_speakers: Sequence[str]) -> None:
    if utterances < len(SPEAKERS):
        raise ValueError(
            f"expected at least {len(SPEAKERS)} utterances (one a speaker); got {utterances}"
        )
    if seed < 0:
        raise ValueError(f"expected a seed of 0 or more; got {seed}")
    if not 0 <= noise_share <= 1:
        raise ValueError(f"expected noise_share from 0 to 1; got {noise_share}")
    unknown = sorted(set(noisy_speakers) - set(SPEAKERS))
    if unknown:
        raise ValueError(f"expected speakers of {', '.join(SPEAKERS)}; got {unknown}")


def _roles(utterances: int, generator: np.random.Generator) -> list[tuple[str, str]]:
    """(split, held out) of every utterance, shuffled; test is half of either kind."""
    test = max(2, round(TEST_SHARE * utterances))
    valid = max(1, round(VALID_SHARE * utterances))
    factors = test // 2
    roles = [("test", "factors")] * factors + [("test", "sentence")] * (test - factors)
    roles += [("valid", "sentence")] * valid
    roles += [("train", "none")] * (utterances - len(roles))
    return [roles[number] for number in generator.permutation(utterances)]


def _texts(roles: Sequence[tuple[str, str]], generator: np.random.Generator) -> list[str]:
    """A new sentence for every utterance; for the "factors" items one that training reads."""
    new = sentences(generator)
    texts = {n: next(new) for n, (_, held_out) in enumerate(roles) if held_out != "factors"}
    read = [texts[n] for n, (split, _) in enumerate(roles) if split == "train"]
    repeated = iter(generator.permutation(len(read)))
    return [texts[n] if n in texts else read[int(next(repeated))] for n in range(len(roles))]


def _rounds(names: Sequence[str], count: int, generator: np.random.Generator) -> list[str]:
    """`count` names in shuffled rounds, so that each comes equally often."""
    rounds = (generator.permutation(len(names)) for _ in itertools.count())
    order = itertools.chain.from_iterable(rounds)
    return [names[int(number)] for number in itertools.islice(order, count)]


def _pitch_and_rate(
    speaker: Speaker, from_held_out: bool, pitch: np.random.Generator, rate: np.random.Generator
) -> tuple[float, int]:
    """Draw both until they lie in the speaker's held-out cell, or outside it."""
    while True:
        offset_st = pitch.uniform(*PITCH_ST)
        pitch_hz = round(speaker.pitch_hz * 2 ** (offset_st / 12), 2)
        rate_wpm = round(math.exp(rate.uniform(*np.log(RATE_WPM))))
        cell = factor_cell(speaker.name, pitch_hz, rate_wpm)
        if (cell == held_out_cell(speaker.name)) == from_held_out:
            return pitch_hz, rate_wpm
