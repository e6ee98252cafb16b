"""Figures of an evaluation on a page: named in a sentence, and as a table."""

from collections.abc import Mapping
from typing import Any

from analysis.report.page import Table
from joint.metrics.presenting import figure_text, known_names


def figure_table(kind: str, rows: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row for each of `rows`, which are of a `kind`; a column for each figure that one has."""
    names = known_names(rows)
    cells = [
        [row.replace("_", " "), *(figure_text(values.get(name)) for name in names)]
        for row, values in rows.items()
    ]
    return Table([kind, *(name.replace("_", " ") for name in names)], cells)


def named_figures(figures: Mapping[str, Any]) -> str:
    """The single figures, each after its name; those of groups are left out."""
    flat = {name: value for name, value in figures.items() if not isinstance(value, Mapping)}
    return ", ".join(
        f"{name.replace('_', ' ')}: {figure_text(value)}" for name, value in flat.items()
    )
