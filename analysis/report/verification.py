"""The report of an evaluation of verification; an encoder's report has its section too."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from analysis.charts import det_chart, histogram_chart
from analysis.report.figures import figure_table, named_figures
from analysis.report.page import Charts, Links, Section, Table, write_report
from joint.metrics.detection import ErrorRates

BINS = 40
"""Of the histogram of scores."""


def write_verification_report(
    path: Path,
    name: str,
    figures: Mapping[str, Any],
    rates: ErrorRates,
    scored: tuple[str, np.ndarray, np.ndarray],
    files: Mapping[str, str | Path],
) -> None:
    """Write the page of `figures` of the checkpoint `name`: `scored` says what scores are (such as
    `cosine`), and has the trials' scores and labels `(T,)`; `files` are what was used. Raises
    JointError."""
    scorer, scores, labels = scored[0], scored[1], scored[2].astype(bool)
    classes = {"one speaker": scores[labels], "two speakers": scores[~labels]}
    sections = [verification_section(figures, rates, classes, scorer)]
    if conditions := figures.get("by_condition"):
        table = figure_table("recordings", conditions)
        sections.append(Section("Conditions", "Cosine scores of treated recordings.", [table]))
    sections.append(Section("Files", "What this page was made of.", [Links(files, path.parent)]))
    write_report(path, f"Verification by {name}", named_figures(figures), sections)


def verification_section(
    figures: Mapping[str, Any],
    rates: ErrorRates,
    scores: Mapping[str, np.ndarray],
    scorer: str = "cosine",
) -> Section:
    """Error rates of all trials and of groups, the DET curve, and the scores of both classes, which
    `scorer` names."""
    rows = [["all", *_rates(figures)]]
    rows += [[name, *_rates(group)] for name, group in figures["by_group"].items()]
    table = Table(["trials", "EER %", "minDCF 0.01", "number"], rows)
    histogram = histogram_chart("Scores", scores, scorer, bin_width(scores))
    charts = Charts([det_chart({scorer: rates}), histogram])
    return Section("Verification", f"Scores of all trials: {scorer}.", [table, charts])


def bin_width(scores: Mapping[str, np.ndarray]) -> float:
    """A width by which finite scores `(T,)` of all classes, with zero, fill about `BINS` bins."""
    every = np.concatenate([*scores.values(), [0.0]])
    return float(np.ptp(every[np.isfinite(every)])) / BINS or 1.0


def _rates(figures: Mapping[str, Any]) -> list[str]:
    shown = [("eer_percent", "{:.2f}"), ("min_dcf_p01", "{:.3f}"), ("trials", "{}")]
    return ["–" if figures[k] is None else form.format(figures[k]) for k, form in shown]
