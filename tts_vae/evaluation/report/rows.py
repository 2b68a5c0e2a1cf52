"""The rows of every section: from what metrics.json holds to lines of a table."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from tts_vae.evaluation.report.controls import control_rows
from tts_vae.evaluation.report.figure_row import Row
from tts_vae.evaluation.report.rows_style import (
    disentanglement_rows,
    diversity_rows,
    interpolation_rows,
    noise_rows,
    speaker_rows,
    transfer_rows,
)

Result = Mapping[str, Any]


def report_rows(sections: Mapping[str, Result]) -> dict[str, list[Row]]:
    """Rows of every section that was measured, in the order of the report."""
    return {name: make(sections[name]) for name, make in _ROWS.items() if name in sections}


def _intelligibility(result: Result) -> list[Row]:
    kinds = [("all", "")]
    kinds += [(k, f", new {k}s") for k in ("sentence",) if k in result]
    kinds += [(k, ", new combinations of factors") for k in ("factors",) if k in result]
    measures = {"per": "Phone error rate"}
    if "wer" in result["all"]["synthesis"]:
        measures = {"cer": "Character error rate", "wer": "Word error rate"}
    rows = []
    for measure, label in measures.items():
        for kind, words in kinds:
            found = {
                name: rates if measure == "per" else rates[measure]
                for name, rates in result[kind].items()
            }
            ours = found["synthesis"]
            paired = kind == "all" and measure != "wer"
            rows.append(
                Row(
                    key=measure if kind == "all" else f"{measure}_{kind}",
                    label=label + words,
                    value=ours["rate"],
                    unit="%",
                    low=ours["low"],
                    high=ours["high"],
                    n=ours["utterances"],
                    items="texts",
                    natural=found["natural"]["rate"],
                    copy=found["copy_synthesis"]["rate"],
                    better="lower",
                    paired=_pairs(result["items"], "synthesis", "length") if paired else None,
                    statistic="ratio",
                )
            )
    return rows


def _pitch(result: Result) -> list[Row]:
    ours, copy, items = result["synthesis"], result["copy_synthesis"], result["items"]
    rows = [
        Row(
            key=name,
            label=label,
            value=ours[name]["rate"],
            unit="%",
            low=ours[name]["low"],
            high=ours[name]["high"],
            n=ours[name]["n"],
            items="texts",
            copy=copy[name]["rate"],
            better="lower",
            paired=_pairs(items, name, frames, share=True),
            statistic="ratio",
        )
        for name, label, frames in (
            ("gpe", "Gross pitch error (GPE)", "both_voiced"),
            ("vde", "Voicing decision error (VDE)", "frames"),
            ("ffe", "F0 frame error (FFE)", "frames"),
        )
    ]
    medians: tuple[tuple[str, str, str, Any], ...] = (
        ("level_error_st", "Error of F0 level, median", "st", "lower"),
        ("log_f0_rmse", "log-F0 RMSE, median", "", "lower"),
        ("log_f0_correlation", "log-F0 correlation, median", "", "higher"),
        ("mcd_db", "MCD-DTW, median", "dB", "lower"),
    )
    for name, label, unit, better in medians:
        rows.append(
            _summary_row(
                name,
                label,
                ours[name],
                unit,
                copy=copy[name]["median"],
                better=better,
                paired=_pairs(items, name, size=name == "level_error_st"),
            )
        )
    length = _summary_row(
        "length_ratio",
        "Length, synthesis / recording, median",
        result["length"]["ratio"],
        "x",
        paired=_pairs(items, "length_ratio"),
    )
    return [*rows, length]


def _choices(result: Result) -> list[Row]:
    return [
        Row(
            key=way,
            label=f"{way.replace('_', ' ')}: pairs of its {found['values']} values that differ",
            value=found["distinct"],
            unit="%",
            n=result["texts"],
            items="texts",
            better="higher",
        )
        for way, found in result["ways"].items()
    ]


def _clusters(result: Result) -> list[Row]:
    rows, n = [], result["recordings"]
    common: dict[str, Any] = {"n": n, "items": "recordings"}
    for site, found in result["sites"].items():
        units = f"of {found['width']}"
        rows.append(
            Row(f"{site}_units", f"{site}: active units", found["active_units"], units, **common)
        )
        if not found["components"]:
            continue
        count, total = found["components_in_use"], f"of {found['components']}"
        rows.append(Row(f"{site}_components", f"{site}: active components", count, total, **common))
        if found["certainty"] is not None:
            label = f"{site}: largest responsibility, mean"
            rows.append(Row(f"{site}_certainty", label, found["certainty"], "%", **common))
        for label, agreement in found["agreement"].items():
            for key, words, unit in (
                ("consistency", "consistency", "%"),
                ("nmi", "NMI", ""),
                ("ari", "ARI", ""),
            ):
                rows.append(
                    Row(
                        f"{site}_{label}_{key}",
                        f"{site} components against {label}: {words}",
                        agreement[key],
                        unit,
                        better="higher",
                        **common,
                    )
                )
    return rows


def _capacity(result: Result) -> list[Row]:
    rows = []
    for site, found in result["sites"].items():
        asked = found["requested_nats"]
        words = "" if asked is None else f", {asked:g} requested"
        rows.append(
            Row(
                site,
                f"{site}: mean KL{words}",
                found["mean_nats"],
                "nats",
                found["low"],
                found["high"],
                p95=found["p95_nats"],
                n=found["recordings"],
                items="recordings",
            )
        )
    return rows


def _speed(result: Result) -> list[Row]:
    names = {"acoustic": "text to mels", "text_to_waveform": "text to waveform"}
    rows = []
    for key, words in names.items():
        found = result[key]
        told = f"{found['characters']} characters, {found['threads']} thread(s)"
        rows.append(
            Row(
                key,
                f"Real-time factor, {words} ({told})",
                found["rtf"],
                "x",
                n=found["repeats"],
                items="calls",
                better="lower",
            )
        )
    return rows


def _summary_row(key: str, label: str, found: Result, unit: str, **more: Any) -> Row:
    """A row of what ``summarise`` made of texts."""
    interval = {"low": found["low"], "high": found["high"], "p95": found["p95"]}
    return Row(key, label, found["median"], unit, n=found["n"], items="texts", **interval, **more)


def _pairs(
    items: Mapping[str, Sequence[Any]],
    values: str,
    lengths: str = "",
    share: bool = False,
    size: bool = False,
) -> dict[str, tuple[float, float]]:
    """Item -> (numerator, denominator), undefined ones left out.

    Args:
        items: columns of a section's items.
        values: column of the numerators.
        lengths: column of the denominators; 1 where empty.
        share: whether the values are shares of the lengths.
        size: whether the sign does not count.
    """
    of = items[lengths] if lengths else [1.0] * len(items["id"])
    found = {}
    for name, value, length in zip(items["id"], items[values], of, strict=True):
        if value is not None and length:
            numerator = value * length if share else value
            found[name] = (abs(numerator) if size else numerator, float(length))
    return found


_ROWS: Mapping[str, Callable[[Result], list[Row]]] = MappingProxyType(
    {
        "intelligibility": _intelligibility,
        "pitch": _pitch,
        "control": control_rows,
        "disentanglement": disentanglement_rows,
        "choices": _choices,
        "clusters": _clusters,
        "capacity": _capacity,
        "speakers": speaker_rows,
        "diversity": diversity_rows,
        "interpolation": interpolation_rows,
        "transfer": transfer_rows,
        "noise": noise_rows,
        "speed": _speed,
    }
)
