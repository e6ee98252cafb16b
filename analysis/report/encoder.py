"""The sections of an encoder's report: geometry of the embeddings, probes, drift."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.charts import Curve, line_chart, scatter_chart
from analysis.geometry import geometry, on_a_plane
from analysis.probing.findings import Finding
from analysis.probing.summary import heat_map, markdown
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
    """The speaker of each embedding: name, gender and age group."""

    speakers: Sequence[str]
    genders: Sequence[str | None]
    age_groups: Sequence[str | None]


def geometry_section(embeddings: np.ndarray, people: People, method: str = "tsne") -> Section:
    """Geometry of the embeddings in figures and as projections to a plane."""
    found = geometry(embeddings, people.speakers)
    table = Table(["figure", "value"], [[text, f"{found[k]:.3f}"] for k, text in GEOMETRY.items()])
    plane = on_a_plane(embeddings, method)
    groups = {"speakers": people.speakers, "gender": people.genders, "age": people.age_groups}
    charts = [
        scatter_chart(f"By {name}", plane, [value or "unknown" for value in values])
        for name, values in groups.items()
        if len(set(values)) > 1
    ]
    text = f"Projections by {method} keep neighbours; distances between far points have no meaning."
    return Section("Geometry", text, [table, Charts(charts)])


def probes_section(
    trained: Sequence[Finding], random: Sequence[Finding], layer: str, folder: Path
) -> Section:
    """Results of the probes; also writes the heat map into `folder`."""
    rows = [
        [cell.strip() for cell in line.strip("|\n ").split("|")]
        for line in markdown(trained, random, layer).splitlines()
    ]
    heat_map(trained, random, folder / "probes.png")
    text = (
        "Test parts have no speaker, or no text, of the training part; for comparison, chance, an "
        "untrained encoder, and shuffled labels."
    )
    picture = Picture(
        folder / "probes.png", "Skill of linear probes: 0 at chance, 1 without an error"
    )
    return Section("Probes of the layers", text, [Table(rows[0], rows[2:]), picture])


def layers_section(shares: Mapping[str, np.ndarray]) -> Section:
    """The learnt weights, `(layers,)` each, under which a pretrained front-end sums its layers."""
    curves = [Curve(name, np.arange(len(values)), values) for name, values in shares.items()]
    chart = line_chart("Weights of the layers", curves, "layer", "share")
    rows = [[name, *(f"{value:.3f}" for value in values)] for name, values in shares.items()]
    count = len(next(iter(shares.values())))
    table = Table(["weight", *(str(layer) for layer in range(count))], rows)
    text = "What the front-end takes of each layer; layer 0 is what the first block reads."
    return Section("Layers of the front-end", text, [Charts([chart]), table])


def drift_section(drift: Mapping[str, float], eers: Mapping[str, float], other: str) -> Section:
    """Distance of the embeddings from another checkpoint's, and EERs across both checkpoints."""
    rows = [[name, f"{value:.4f}"] for name, value in drift.items()]
    rows += [[name, f"{value:.2f} %"] for name, value in eers.items()]
    text = (
        f"Embeddings of the same recordings by {other}; crossed trials enrol with one of the two."
    )
    return Section("Drift", text, [Table(["figure", "value"], rows)])
