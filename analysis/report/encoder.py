"""The page about one encoder: how it verifies, how its embeddings lie, what its layers tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.geometry import geometry, information, on_a_plane
from analysis.probing.picture import heat_map, markdown
from analysis.probing.table import Finding
from analysis.report.charts import Curve, det_chart, histogram_chart, scatter_chart
from analysis.report.page import Charts, Picture, Section, Table

GEOMETRY = {
    "within": "mean cosine of one speaker's recordings",
    "between": "mean cosine of two speakers' recordings",
    "d_prime": "their distance, in standard deviations",
    "alignment": "alignment (lower: a speaker's recordings lie closer)",
    "uniformity": "uniformity (lower: the sphere is used more evenly)",
    "dimensions": "effective dimensions",
}


@dataclass(frozen=True)
class People:
    """Whose embeddings they are: a name, a gender and an age group for each row."""

    speakers: Sequence[str]
    genders: Sequence[str | None]
    age_groups: Sequence[str | None]


def verification_section(
    figures: Mapping[str, Any], det: Curve, scores: Mapping[str, np.ndarray]
) -> Section:
    """Error rates, of all and of groups; the DET curve and the scores of both kinds of trial."""
    rows = [["all", *_rates(figures)]]
    rows += [[name, *_rates(group)] for name, group in figures["by_group"].items()]
    table = Table(["trials", "EER %", "minDCF 0.01", "number"], rows)
    charts = Charts([det_chart([det]), histogram_chart("Scores", scores, "cosine", 0.05)])
    return Section("Verification", "Cosine scores of the trials, none left out.", [table, charts])


def _rates(figures: Mapping[str, Any]) -> list[str]:
    shown = [("eer_percent", "{:.2f}"), ("min_dcf_p01", "{:.3f}"), ("trials", "{}")]
    return ["–" if figures[k] is None else form.format(figures[k]) for k, form in shown]


def geometry_section(embeddings: np.ndarray, people: People, method: str = "tsne") -> Section:
    """How the embeddings lie, in figures and on a plane."""
    found = geometry(embeddings, people.speakers)
    table = Table(["what", "value"], [[text, f"{found[k]:.3f}"] for k, text in GEOMETRY.items()])
    plane = on_a_plane(embeddings, method)
    groups = {"speakers": people.speakers, "gender": people.genders, "age": people.age_groups}
    charts = [
        scatter_chart(f"By {name}", plane, [value or "unknown" for value in values])
        for name, values in groups.items()
        if len(set(values)) > 1
    ]
    text = f"Neighbours stay neighbours ({method}); distances between far points mean nothing."
    return Section("Geometry", text, [table, Charts(charts)])


def probes_section(
    trained: Sequence[Finding], random: Sequence[Finding], layer: str, folder: Path
) -> Section:
    """What probes read; the heat map is written into `folder` on the way."""
    rows = [
        [cell.strip() for cell in line.strip("|\n ").split("|")]
        for line in markdown(trained, random, layer).splitlines()
    ]
    heat_map(trained, random, folder / "probes.png")
    shares = [
        f.value
        for f in trained
        if (f.target, f.layer, f.probe) == ("bag of phones", layer, "linear")
    ]
    leaked = f" Of the shares of phones the {layer} tells {information(np.array(shares)):.2f} nats"
    text = (
        "Speakers or texts of the test part are not met in training; chance, an untrained encoder "
        "and shuffled answers (selectivity) stand beside."
        + (f"{leaked} a phone, as far as a linear reader sees." if shares else "")
    )
    picture = Picture(folder / "probes.png", "Skill of linear probes, 0 at chance, 1 for all right")
    return Section("What the layers tell", text, [Table(rows[0], rows[2:]), picture])


def drift_section(drift: Mapping[str, float], eers: Mapping[str, float], other: str) -> Section:
    """How far the embeddings lie from another checkpoint's, and what happens to trials between."""
    rows = [[name, f"{value:.4f}"] for name, value in drift.items()]
    rows += [[name, f"{value:.2f} %"] for name, value in eers.items()]
    text = f"Against {other}: the same recordings, row by row; crossed trials enrol with the one."
    return Section("Drift", text, [Table(["what", "value"], rows)])
