"""Calibrating a voice: what its controls really do, and the inverse of that, into its styles.json.

The sentences are of the training split (a control is judged on others), spoken by every speaker
over a range of settings; see :mod:`tts_vae.evaluation.controls.calibration_fit` for the fit. The
error that is stored is that on further sentences of the training split.
"""

import shutil
import uuid
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_vae.evaluation.controls.calibration_fit import fit_calibration
from tts_vae.evaluation.controls.calibration_texts import judge_of, prepared_corpus, training_texts
from tts_vae.evaluation.controls.control_sweep import (
    HEARD,
    Line,
    Progress,
    Sweep,
    asking,
    no_bar,
    run_sweeps,
    voice_with,
)
from tts_vae.evaluation.controls.latent_calibration import calibrate_latent
from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.synthesis import calibration, latent_directions
from tts_vae.synthesis.calibration import CALIBRATED, Calibration, to_scale
from tts_vae.synthesis.voice import Voice
from tts_vae.synthesis.voice_folders import VOCODER, find_voice, vocoder_of
from tts_vae.synthesis.voice_styles import update_styles

Floats = NDArray[np.float64]

SETTINGS: Mapping[str, tuple[float, ...]] = {
    "pitch_st": (-8.0, -6.0, -4.0, -2.0, 2.0, 4.0, 6.0, 8.0),
    "pitch_range": (0.35, 0.5, 0.7, 1.4, 2.0, 2.8),
    "rate": (0.5, 0.65, 0.8, 1.25, 1.5, 1.8, 2.1),
    "energy_db": (-12.0, -6.0, 6.0, 12.0),
}
"""Values of the voice's own controls that are tried."""

CHECKS: Mapping[str, tuple[float, ...]] = {
    "pitch_st": (-5.0, -3.0, 3.0, 5.0),
    "pitch_range": (0.6, 1.7),
    "rate": (0.7, 1.35, 1.6),
    "energy_db": (-8.0, 4.0),
}
"""Requests that the finished calibration is tried with."""

FEWEST_LINES = 24
"""Sentences in all; a voice of few speakers is asked for more of each."""

_CHECK_SHARE = 0.5  # sentences of the check, for each one of the fit


@dataclass(frozen=True)
class Calibrated:
    """What came of a calibration.

    Attributes:
        folder: of the calibrated voice.
        calibration: what styles.json now holds under that key.
        directions: likewise; None where the latent could not be measured.
        why_no_directions: the reason; "" where there are some.
    """

    folder: Path
    calibration: dict[str, Any]
    directions: dict[str, Any] | None
    why_no_directions: str


def calibrate_voice(
    voice: str | Path,
    out: str | Path | None = None,
    corpus: str | Path | None = None,
    sentences: int = 6,
    seed: int = 0,
    progress: Progress = no_bar,
) -> Calibrated:
    """Measure the controls of a voice and store what undoes their errors.

    The voice is written to once, at the end; until then whatever stops the work leaves it as it is.

    Args:
        voice: name of a shipped voice, or its folder.
        out: folder for a calibrated copy; None writes into the voice itself.
        corpus: prepared corpus; the one the voice was trained on if None. Without it, sentences are
            made by the grammar of the embedded corpus, and the latent route is left out.
        sentences: of each speaker; more where there are few speakers.
        seed: which sentences, and of the speech.
        progress: shows how far it is.

    Raises:
        ValueError: there is no such voice, too few sentences, or none of its controls works.
    """
    if sentences < 4:
        raise ValueError(f"expected 4 sentences a speaker or more, got {sentences}: fewer say less")
    folder = find_voice(voice)
    target = folder if out is None else Path(out)
    if out is not None and target.exists() and any(target.iterdir()):
        raise ValueError(f"{target} is not empty; give the name of a new folder for the copy")
    subject = Voice.load(folder)
    known = prepared_corpus(subject, corpus)
    speakers: Sequence[str | None] = subject.speakers or [None]
    sentences = max(sentences, -(-FEWEST_LINES // len(speakers)))
    checks = max(2, round(_CHECK_SHARE * sentences))
    texts = training_texts(known, len(speakers) * (sentences + checks), seed)
    lines = [Line(text, speakers[i % len(speakers)]) for i, text in enumerate(texts)]
    split = len(speakers) * sentences
    judge = judge_of(subject)
    contents = _explicit(subject, lines[:split], lines[split:], judge, seed, progress)
    contents |= {"sentences": sentences, "seed": seed, "phones_by": "judge" if judge else "level"}
    directions, reason = calibrate_latent(
        subject, known, lines[:split], lines[split:], judge, seed, progress
    )
    if out is not None:
        _copy(folder, target)
    update_styles(target, calibration.KEY, contents)
    update_styles(target, latent_directions.KEY, directions)
    return Calibrated(target, contents, directions, reason)


def _explicit(
    voice: Voice,
    lines: Sequence[Line],
    check_lines: Sequence[Line],
    judge: Judge | None,
    seed: int,
    progress: Progress,
) -> dict[str, Any]:
    """Maps of every speaker, and their error on the lines they were not fitted to."""
    settings = {name: SETTINGS[name] for name in working_controls(voice, lines[0])}
    sweeps, _ = run_sweeps(
        voice,
        lines,
        settings,
        asking(voice, calibrated=False),
        judge,
        seed,
        progress,
    )
    contents: dict[str, Any] = {
        "speakers": fit_calibration(sweeps, [line.speaker for line in lines])
    }
    subject = voice_with(voice, {calibration.KEY: contents})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a speaker may reach less far than a check
        checked, _ = run_sweeps(
            subject,
            check_lines,
            {name: CHECKS[name] for name in settings},
            asking(subject),
            judge,
            seed,
            progress,
        )
    fitted = Calibration(contents)
    contents["error"] = {
        name: error_of(sweep, [fitted.limits(name, line.speaker) for line in check_lines])
        for name, sweep in checked.items()
    }
    return contents


def working_controls(voice: Voice, line: Line) -> list[str]:
    """The controls that the voice's decoder has.

    Raises:
        ValueError: it has none.
    """
    working, reasons = [], []
    ask = asking(voice, calibrated=False)
    for name in CALIBRATED:
        style = ask(line.speaker, name, SETTINGS[name][-1])
        try:
            voice.speak(line.text, style)
            working.append(name)
        except ValueError as error:
            reasons.append(str(error))
    if not working:
        raise ValueError(f"this voice has no control to calibrate: {reasons[0]}")
    return working


def error_of(sweep: Sweep, limits: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Mean and 95th percentile of the absolute error; requests out of range do not count.

    Args:
        sweep: of requests.
        limits: (lines,) the range of each line's speaker, in the control's unit.
    """
    realised = sweep.changes[:, :, HEARD.index(sweep.control)]
    requested = np.array([to_scale(sweep.control, value) for value in sweep.settings])
    off = np.abs(realised - requested[:, None])
    low, high = np.array(limits).T
    values = np.array(sweep.settings)[:, None]
    off = off[(values >= low) & (values <= high) & ~np.isnan(off)]
    if not len(off):
        return {"n": 0}
    return {
        "mae": round(float(off.mean()), 4),
        "p95": round(float(np.percentile(off, 95)), 4),
        "n": len(off),
    }


def _copy(folder: Path, target: Path) -> None:
    """The voice and the vocoder it speaks through, in a folder of its own; whole or not at all."""
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        shutil.copytree(folder, partial)
        vocoder = vocoder_of(folder)
        if vocoder is not None and not (partial / VOCODER).exists():
            shutil.copytree(vocoder, partial / VOCODER)
        if target.exists():  # empty: it was looked at
            target.rmdir()
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
