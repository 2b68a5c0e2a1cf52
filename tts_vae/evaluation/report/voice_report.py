"""Every section of a voice's evaluation, one after another, kept as each is finished.

``metrics.json`` is written again after every section, with a fingerprint of the voice, the corpus
and the settings: what was interrupted goes on where it stopped, and nothing measured on something
else, or by other code, is taken for it.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tts_vae import __version__
from tts_vae.corpora.manifests import SPLITS, read_corpus, read_cuts, write_json
from tts_vae.evaluation.measures.plain_numbers import plain_numbers
from tts_vae.evaluation.report.sections import SECTIONS
from tts_vae.evaluation.voices.material import USUAL_LIMIT, Material
from tts_vae.synthesis.voice import Voice
from tts_vae.synthesis.voice_folders import CONFIG, STYLES, WEIGHTS, find_voice, vocoder_of

METRICS = "metrics.json"

_MEASURED_STYLES = ("sites", "calibration", "directions")
"""Parts of styles.json that change what a voice says; names and cards do not."""

_MEASURING = ("audio", "evaluation", "latents", "models", "synthesis", "text")
"""Folders of the package whose code the figures depend on."""

log = logging.getLogger(__name__)


def evaluate_voice(
    voice_dir: str | Path,
    out_dir: str | Path,
    corpus_dir: str | Path | None = None,
    limit: int | None = USUAL_LIMIT,
    seed: int = 0,
    only: Sequence[str] | None = None,
    tell: Callable[[str], None] = log.info,
) -> dict[str, Any]:
    """Measure a voice and write ``metrics.json`` and example sounds.

    Args:
        voice_dir: name of a shipped voice, or the folder of one.
        out_dir: where to write; created. Finished sections that it holds are kept.
        corpus_dir: prepared corpus; the one the voice was trained on if None.
        limit: held-out recordings used, evenly spread, None for all; other counts follow it.
        seed: of waveforms and everything drawn.
        only: names of :data:`SECTIONS`; None for all.
        tell: hears a line about every section.

    Returns:
        The contents of metrics.json: "voice", "corpus", "settings", "program", "fingerprint",
        "sections", "unavailable" and "failed" (section -> reason), "undefined" (section -> numbers
        that are null), "seconds".

    Raises:
        ValueError: if there is no voice or no prepared corpus with held-out recordings, a section
            is unknown (all are listed), the limit is not positive, or ``out_dir`` is a file.
    """
    wanted = check_sections(only)
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be 1 recording or more, got {limit}; leave it out for all")
    out, folder = check_folder(out_dir), find_voice(voice_dir)
    voice = Voice.load(folder)
    corpus = find_corpus(voice, corpus_dir)
    held_out = len(list(read_cuts(corpus, "test")))
    if not held_out:
        raise ValueError(f"{corpus} has no test recordings; prepare more utterances")
    settings = {"limit": min(limit or held_out, held_out), "seed": seed}
    out.mkdir(parents=True, exist_ok=True)
    metrics = _claim(out / METRICS, fingerprint(folder, corpus, settings), tell)
    known = ("experiment", "corpus", "steps", "git", "seed")
    metrics |= {
        "voice": {"name": voice_name(folder)} | {k: voice.bundle.metadata.get(k) for k in known},
        "corpus": {"name": read_corpus(corpus).get("name"), "held_out": held_out},
        "settings": settings,
        "program": program(),
    }
    material = Material(voice, corpus, out, settings["limit"], seed)
    for name in wanted:
        if name not in metrics["sections"]:
            tell(_measure(name, material, metrics))
            write_json(out / METRICS, metrics)
    write_json(out / METRICS, metrics)
    return metrics


def check_sections(only: Sequence[str] | None) -> list[str]:
    """Names of the sections asked for, in the order of the report.

    Raises:
        ValueError: one is unknown; all are listed.
    """
    asked = list(SECTIONS) if only is None else list(only)
    unknown = [name for name in asked if name not in SECTIONS]
    if unknown or not asked:
        got = f"unknown section {unknown[0]!r}" if unknown else "no section to measure"
        raise ValueError(f"{got}; choose from {', '.join(SECTIONS)}")
    return [name for name in SECTIONS if name in asked]


def check_folder(out: str | Path) -> Path:
    """A folder to write to.

    Raises:
        ValueError: it is a file.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file; give the name of a folder")
    return out


def find_corpus(voice: Voice, corpus: str | Path | None = None) -> Path:
    """The prepared corpus to judge a voice against.

    Args:
        voice: says which corpus it was trained on, and mostly where that was.
        corpus: its folder; None looks there and in ``data/<corpus>``.

    Raises:
        ValueError: there is none; says how to make it.
    """
    if corpus is not None:
        read_corpus(Path(corpus))
        return Path(corpus)
    name, told = (voice.bundle.metadata.get(key) for key in ("corpus", "corpus_dir"))
    places = [Path(place) for place in (told, name and f"data/{name}") if place]
    for place in places:
        if (place / "corpus.json").is_file():
            return place
    looked = f" in {' or '.join(dict.fromkeys(map(str, places)))}" if places else ""
    raise ValueError(
        f"expected the prepared corpus of this voice's held-out recordings, got none{looked}; "
        f"make it with `tts-vae prepare {name or 'espeak'} --out data/{name or 'espeak'}` and give "
        "its folder with --corpus"
    )


def voice_name(folder: Path) -> str:
    """What to call a voice: its folder's name, or that of the run it is part of."""
    resolved = folder.resolve()
    return resolved.parent.name if resolved.name == "voice" else resolved.name


def fingerprint(voice: Path, corpus: Path, settings: dict[str, Any]) -> str:
    """SHA-256 over all that figures depend on: voice, its vocoder, corpus, settings, our code.

    Args:
        voice: folder of the voice.
        corpus: folder of the prepared corpus.
        settings: plain values.
    """
    digest = hashlib.sha256(json.dumps([program(), settings], sort_keys=True).encode())
    vocoder = vocoder_of(voice)
    files = [voice / CONFIG, voice / WEIGHTS]
    files += [] if vocoder is None else [vocoder / CONFIG, vocoder / WEIGHTS]
    files += [corpus / f"cuts_{split}.jsonl.gz" for split in SPLITS]
    for path in files:
        digest.update(hashlib.sha256(path.read_bytes() if path.is_file() else b"").digest())
    styles = json.loads((voice / STYLES).read_text(encoding="utf-8"))
    measured = {key: styles.get(key) for key in _MEASURED_STYLES}
    digest.update(json.dumps(measured, sort_keys=True).encode())
    return digest.hexdigest()


def program() -> str:
    """Our version, and eight digits that tell its code from any other."""
    package = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for folder in _MEASURING:
        for path in sorted((package / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:8]}"


def _claim(path: Path, mark: str, tell: Callable[[str], None]) -> dict[str, Any]:
    """Finished sections of an earlier run of the same evaluation, or none."""
    fresh: dict[str, Any] = {"fingerprint": mark}
    fresh |= {key: {} for key in ("sections", "unavailable", "failed", "undefined", "seconds")}
    if not path.is_file():
        return fresh
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("fingerprint") != mark:
        tell(f"{path} is of another voice, corpus, settings or program: measuring afresh")
        return fresh
    kept = [name for name in SECTIONS if name in found["sections"]]
    if kept:
        tell(f"finished before, kept: {', '.join(kept)}")
    return fresh | {key: found[key] for key in ("sections", "undefined", "seconds")}


def _measure(name: str, material: Material, metrics: dict[str, Any]) -> str:
    """Measure one section into the metrics; a line on how it went."""
    start = time.monotonic()
    for key in ("unavailable", "failed"):
        metrics[key].pop(name, None)
    try:
        section, undefined = plain_numbers(SECTIONS[name].measure(material))
    except (ValueError, ImportError) as error:
        metrics["unavailable"][name] = reason = _one_line(error)
        return f"{name}: not measured: {reason}"
    except Exception as error:  # a defect of ours must not cost the other sections
        log.exception("section %s failed", name)
        metrics["failed"][name] = reason = f"{type(error).__name__}: {_one_line(error)}"
        return f"{name}: failed: {reason}"
    spent = time.monotonic() - start
    metrics["sections"][name] = section
    metrics["undefined"][name] = undefined
    metrics["seconds"][name] = round(spent, 1)
    return f"{name}: {spent:.0f} s" + (f", {undefined} numbers undefined" if undefined else "")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
