"""The rows of the sections about style: what latents separate, who speaks, what styles do."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tts_vae.evaluation.measures.summary import bootstrap_interval
from tts_vae.evaluation.report.figure_row import Row

Result = Mapping[str, Any]

TOGETHER = "all sites"
ATTRIBUTES = {"pitch_st": "F0 level", "rate": "rate", "energy_db": "energy"}
FACTORS = {
    "pitch_st": "pitch",
    "spread_st": "pitch range",
    "log_rate": "rate",
    "volume_db": "volume",
}
"""Factors that the embedded corpus drew -> what they are called."""

UNITS = {"pitch_st": "st", "rate": "phones/s", "energy_db": "dB"}


def disentanglement_rows(result: Result) -> list[Row]:
    """MIG, DCI, SAP, modularity of every site, and what its dimensions tell of every factor."""
    n, rows = result["items"], []
    sites = dict(result["sites"])
    if result["all"] is not None:
        sites[TOGETHER] = result["all"]
    for site, found in sites.items():
        for key, words in (
            ("mig", "MIG"),
            ("disentanglement", "DCI disentanglement"),
            ("completeness", "DCI completeness"),
            ("sap", "SAP"),
            ("modularity", "modularity"),
        ):
            label = f"{site}: {words}"
            rows.append(_recordings(f"{site}_{key}", label, found[key], n, better="higher"))
        told = {} if site == TOGETHER else found["informativeness"]
        for factor, score in told.items():
            words = "accuracy" if factor in ("speaker", "noisy") else "R²"
            label = f"{site}: {FACTORS.get(factor, factor)} told from it, {words}"
            key = f"{site}_informs_{factor}"
            rows.append(_recordings(key, label, score, result["held_out"], better="higher"))
    for site, accuracy in result["speaker_known"].items():
        factors = result["sites"][site]["factors"]
        if accuracy is not None and "speaker" not in factors:
            label = f"{site}: speaker told from it all the same, accuracy"
            rows.append(_recordings(f"{site}_tells_speaker", label, accuracy, result["held_out"]))
    return rows


def speaker_rows(result: Result) -> list[Row]:
    """Accuracy and similarity, natural and copy-synthesis beside; pitch of borrowed styles."""
    natural, copy = result["natural"], result["copy_synthesis"]
    figures: tuple[tuple[str, str, str, Literal["lower", "higher"]], ...] = (
        ("accuracy", "recognised", "%", "higher"),
        ("same", "cosine to the own mean", "", "higher"),
        ("different", "cosine to other speakers' means", "", "lower"),
    )
    rows = []
    for way, words in (("inferred", "in a recording's style"), ("named", "by name")):
        found = result[way]
        if found is None:
            continue
        rows += [
            Row(
                f"{way}_{key}",
                f"Speaker {words}: {what}",
                found[key],
                unit,
                n=found["n"],
                items="texts",
                natural=natural[key],
                copy=copy[key],
                better=better,
            )
            for key, what, unit, better in figures
        ]
    swap = result.get("swap")
    if swap is not None:
        spoken = sum(len(values) for values in swap["spoken_hz"].values())
        common: dict[str, Any] = {"n": spoken, "items": "texts"}
        label = "Borrowed prosody: F0 level from the speaker's natural one, mean"
        rows.append(Row("swap_error", label, swap["error_st"], "st", better="lower", **common))
        label = "Borrowed prosody: speaker pairs in their natural order of pitch"
        order = swap["pairs_in_order"]
        rows.append(Row("swap_order", label, order, "%", better="higher", **common))
    return rows


def diversity_rows(result: Result) -> list[Row]:
    """Standard deviations over the prior and over references, beside the natural one."""
    rows = []
    samples = result["texts"] * result["samples"]
    for way, words in (("prior", "prior samples"), ("references", "styles of recordings")):
        found = result[way]
        if "undefined" in found:
            continue
        for name, attribute in ATTRIBUTES.items():
            texts = {
                str(text): (value, 1.0)
                for text, value in enumerate(found[name]["sd_of_text"])
                if value is not None
            }
            rows.append(
                Row(
                    f"{way}_{name}",
                    f"SD of {attribute} over {words}, {result['texts']} texts",
                    found[name]["sd"],
                    UNITS[name],
                    n=samples,
                    items="samples",
                    natural=result["natural"][name],
                    paired=texts,
                    statistic="ratio",
                )
            )
    return rows


def interpolation_rows(result: Result) -> list[Row]:
    """Rank correlation with the step and evenness, of pairs in which an attribute moves."""
    rows = []
    for name, attribute in ATTRIBUTES.items():
        found = result["moved"][name]
        common: dict[str, Any] = {"n": found["n"], "items": f"of {result['pairs']} pairs"}
        jump, ranks = found["largest_jump"], _moved_ranks(result, name)
        interval = bootstrap_interval(list(ranks.values()), _mean) if ranks else (None, None)
        rows += [
            Row(
                f"{name}_spearman",
                f"{attribute[0].upper()}{attribute[1:]}: rank correlation with the step, mean",
                found["spearman_mean"],
                low=interval[0],
                high=interval[1],
                better="higher",
                paired={pair: (rank, 1.0) for pair, rank in ranks.items()},
                statistic="ratio",
                **common,
            ),
            Row(
                f"{name}_jump",
                f"{attribute[0].upper()}{attribute[1:]}: largest / mean jump, median",
                jump["median"],
                "x",
                jump["low"],
                jump["high"],
                p95=jump["p95"],
                better="lower",
                **common,
            ),
        ]
    return rows


def transfer_rows(result: Result) -> list[Row]:
    """Reference against output, and whether the speaker is kept."""
    rows = []
    across = result["across_speakers"]
    for kind, words in (("parallel", "parallel"), ("non_parallel", "another text")):
        found = result[kind]
        for name, attribute in ATTRIBUTES.items():
            label = f"{attribute[0].upper()}{attribute[1:]}, {words}"
            values = found["relative"][name]
            paired = {
                f"{kind}-{number}": (abs(item[name][1] - item[name][0]), 1.0)
                for number, item in enumerate(found["items"])
                if None not in item[name]
            }
            common: dict[str, Any] = {"n": values["n"], "items": "pairs"}
            rows += [
                Row(
                    f"{kind}_{name}_spearman",
                    f"{label}: rank correlation with the reference",
                    values["spearman"],
                    low=values["low"],
                    high=values["high"],
                    better="higher",
                    **common,
                ),
                Row(
                    f"{kind}_{name}_mae",
                    f"{label}: mean absolute error",
                    values["mae"],
                    UNITS[name],
                    better="lower",
                    paired=paired,
                    statistic="ratio",
                    **common,
                ),
            ]
        if across and found["speaker_accuracy"] is not None:
            rows.append(
                Row(
                    f"{kind}_speaker",
                    f"Own voice kept, {words}",
                    found["speaker_accuracy"],
                    "%",
                    n=len(found["items"]),
                    items="pairs",
                    natural=found["speaker_accuracy_natural"],
                    better="higher",
                )
            )
    return rows


def noise_rows(result: Result) -> list[Row]:
    """Estimated SNR of noisy speakers in their own style and in the clean component."""
    found, n, number = result["snr_db"], result["n"], result["clean_component"]
    texts: dict[str, Any] = {"n": n, "items": "texts"}
    more: dict[str, Any] = {"unit": "dB", "better": "higher", **texts}
    natural = {"natural": found["originals"], "copy": found["originals_copied"]}
    share = f"Clean recordings among those of component {number}"
    clean = f"SNR, spoken with component {number}; natural: the same without noise"
    rows = [
        Row("snr_recordings", "SNR of the recordings, median", found["recordings"], "dB", **texts),
        Row("snr_own", "SNR, spoken in the recording's style", found["own_style"], **more),
        Row("snr_clean", clean, found["clean_component"], **natural, **more),
        Row(
            "snr_mean", "SNR, spoken with the mean of clean recordings", found["clean_mean"], **more
        ),
        Row("clean_share", share, result["clean_share"], "%"),
    ]
    styles = {"own_style": "the recording's style", "clean_component": "that component"}
    styles |= {"clean_mean": "the mean of clean recordings"}
    for name, style in styles.items():
        per = result["per"][name]
        ends = {"low": per["low"], "high": per["high"], "better": "lower", **texts}
        rows.append(Row(f"per_{name}", f"Phone error in {style}", per["rate"], "%", **ends))
    return rows


def _moved_ranks(result: Result, name: str) -> dict[str, float]:
    """Pair of styles -> rank correlation of an attribute that it moves."""
    return {
        f"{item['start']} {item['end']}": item[name]["spearman"]
        for item in result["items"]
        if item[name]["moved"] and item[name]["spearman"] is not None
    }


def _mean(rows: NDArray[np.float64]) -> float:
    return float(rows.mean())


def _recordings(
    key: str, label: str, value: float | None, n: int, better: Literal["higher", ""] = ""
) -> Row:
    return Row(key, label, value, n=n, items="recordings", better=better)
