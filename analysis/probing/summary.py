"""Results of probes as a Markdown table and as a heat map of questions by layers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from analysis.charts import new_figure, save
from analysis.probing.findings import Finding


def grid(found: Sequence[Finding], probe: str) -> tuple[list[str], list[str], np.ndarray]:
    """Questions, layers and the skills `(questions, layers)` of one probe, NaN for none."""
    targets = list(dict.fromkeys(f.target for f in found))
    layers = list(dict.fromkeys(f.layer for f in found))
    skills = np.full((len(targets), len(layers)), np.nan)
    for finding in found:
        if finding.probe == probe:
            place = targets.index(finding.target), layers.index(finding.layer)
            skills[place] = finding.skill
    return targets, layers, skills


def markdown(trained: Sequence[Finding], random: Sequence[Finding], layer: str) -> str:
    """A row for each question: both probes on `layer`, chance, the untrained encoder, how far
    the skill is above that with shuffled labels, and the layer at which the linear probe is
    best."""
    heading = [
        "question",
        "linear",
        "MLP",
        "chance",
        "untrained",
        "above shuffled labels",
        "best layer",
        "linear there",
    ]
    rows = [heading, ["---"] * len(heading)]
    at = {(f.target, f.layer, f.probe): f for f in trained}
    twins = {(f.target, f.layer, f.probe): f for f in random}
    for target in dict.fromkeys(f.target for f in trained):
        own = [f for f in trained if f.target == target and f.probe == "linear"]
        best = max(own, key=lambda f: f.skill)
        here, twin = (found.get((target, layer, "linear")) for found in (at, twins))
        network = at.get((target, layer, "mlp"))
        values = [
            here.value if here else None,
            network.value if network else None,
            best.chance,
            twin.value if twin else None,
            here.above_shuffled if here else None,
        ]
        rows.append([target, *map(_number, values), best.layer, _number(best.value)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def heat_map(trained: Sequence[Finding], random: Sequence[Finding], path: Path) -> None:
    """Draw the skill of the linear probe, questions by layers: of the encoder, and how far it is
    above that of an untrained encoder."""
    targets, layers, skills = grid(trained, "linear")
    _, _, without = grid(random, "linear")
    figure = new_figure(2.5 + 1.5 * len(layers), 1.6 + 0.4 * len(targets))
    axes = figure.subplots(1, 2, sharey=True)
    panels = (
        (skills, "skill of a linear probe", "viridis", 0.0, 1.0),
        (skills - without, "above an untrained encoder", "RdBu_r", -1.0, 1.0),
    )
    for axis, (values, title, colours, low, high) in zip(axes, panels, strict=True):
        axis.imshow(np.clip(values, low, high), cmap=colours, vmin=low, vmax=high, aspect="auto")
        axis.set_title(title, fontsize=10)
        axis.set_xticks(range(len(layers)), layers, rotation=45, ha="right", fontsize=8)
        axis.set_yticks(range(len(targets)), targets, fontsize=8)
        for row, column in np.argwhere(np.isfinite(values)):
            value = values[row, column]
            share = (min(max(value, low), high) - low) / (high - low)
            dark = share < 0.5 if colours == "viridis" else abs(share - 0.5) > 0.35
            axis.text(
                column,
                row,
                f"{value:.2f}",
                ha="center",
                va="center",
                fontsize=7,
                color="white" if dark else "black",
            )
    save(figure, path)
