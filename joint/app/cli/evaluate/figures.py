"""The figures of an evaluation on the terminal: a line for each, and a table of the groups or
recordings."""

from collections.abc import Mapping
from typing import Any

from joint.metrics.presenting import figure_text, known_names, turned

TABLES = {
    "by_group": "group",
    "by_recording": "recording",
    "by_condition": "condition",
    "by_quantizer": "quantiser",
}
"""Figures that are tables, and what a row of each is."""
SYSTEMS = "by_system"
"""Many figures of a few systems: a table with a column for each system."""


def print_figures(figures: Mapping[str, Any]) -> None:
    """Print one line for each figure, then the tables."""
    flat = {n: value for n, value in figures.items() if n not in TABLES and n != SYSTEMS}
    width = max(map(len, flat), default=0)
    for name, value in flat.items():
        print(f"{name:<{width}}  {figure_text(value)}")
    if systems := figures.get(SYSTEMS):
        print()
        print_groups(turned(systems), "figure")
    for key, kind in TABLES.items():
        if groups := figures.get(key):
            print()
            print_groups(groups, kind)


def print_groups(groups: Mapping[str, Mapping[str, Any]], kind: str = "group") -> None:
    """Print a table with a row for each group and a column for each figure that one of them has."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table

    names = known_names(groups)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(kind, no_wrap=True)
    for name in names:
        # the words of a name may stand below each other, so that the columns are narrow
        table.add_column(name.replace("_", " "), justify="right")
    for group, values in groups.items():
        table.add_row(group, *(figure_text(values.get(name)) for name in names))
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:  # a file or a pipe has no width to keep to
        options = console.options.update(max_width=10_000)
        console = Console(
            markup=False,
            highlight=False,
            width=Measurement.get(console, options, table).maximum,
        )
    console.print(table)
