"""The report of an evaluation of verification; an encoder's report has its section too."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from analysis.charts import det_chart, histogram_chart
from analysis.report.figures import figure_table, named_figures
from analysis.report.page import Charts, Links, Section, Table, write_report
from joint.metrics.detection import ErrorRates


def write_verification_report(
    path: Path,
    name: str,
    figures: Mapping[str, Any],
    rates: ErrorRates,
    scored: tuple[np.ndarray, np.ndarray],
    files: Mapping[str, str | Path],
) -> None:
    """Write the page of `figures` of the checkpoint `name`: `scored` are the trials' scores and
    labels `(T,)`, `files` what was used. Raises JointError."""
    scores, labels = scored[0], scored[1].astype(bool)
    classes = {"one speaker": scores[labels], "two speakers": scores[~labels]}
    sections = [verification_section(figures, rates, classes)]
    if conditions := figures.get("by_condition"):
        table = figure_table("recordings", conditions)
        sections.append(Section("Conditions", "Cosine scores of treated recordings.", [table]))
    sections.append(Section("Files", "What this page was made of.", [Links(files, path.parent)]))
    write_report(path, f"Verification by {name}", named_figures(figures), sections)


def verification_section(
    figures: Mapping[str, Any], rates: ErrorRates, scores: Mapping[str, np.ndarray]
) -> Section:
    """Error rates of all trials and of groups, the DET curve, and the scores of both classes."""
    rows = [["all", *_rates(figures)]]
    rows += [[name, *_rates(group)] for name, group in figures["by_group"].items()]
    table = Table(["trials", "EER %", "minDCF 0.01", "number"], rows)
    charts = Charts(
        [det_chart({"cosine": rates}), histogram_chart("Scores", scores, "cosine", 0.05)]
    )
    return Section("Verification", "Cosine scores of all trials.", [table, charts])


def _rates(figures: Mapping[str, Any]) -> list[str]:
    shown = [("eer_percent", "{:.2f}"), ("min_dcf_p01", "{:.3f}"), ("trials", "{}")]
    return ["–" if figures[k] is None else form.format(figures[k]) for k, form in shown]
