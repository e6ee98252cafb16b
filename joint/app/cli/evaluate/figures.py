"""The figures of an evaluation on the terminal: a line for each, and a table of the groups or
recordings."""

from collections.abc import Mapping
from typing import Any

from joint.files import plain

TABLES = {"by_group": "group", "by_recording": "recording", "by_condition": "condition"}
"""Figures that are tables, and what a row of each is."""


def print_figures(figures: Mapping[str, Any]) -> None:
    """Print one line for each figure, then the tables."""
    flat = {name: value for name, value in figures.items() if name not in TABLES}
    width = max(map(len, flat), default=0)
    for name, value in flat.items():
        print(f"{name:<{width}}  {_shown(value)}")
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

    names = dict.fromkeys(
        name for values in groups.values() for name, value in values.items() if value is not None
    )
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(kind, no_wrap=True)
    for name in names:
        # the words of a name may stand below each other, so that the columns are narrow
        table.add_column(name.replace("_", " "), justify="right")
    for group, values in groups.items():
        table.add_row(group, *(_shown(values.get(name)) for name in names))
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:  # a file or a pipe has no width to keep to
        options = console.options.update(max_width=10_000)
        console = Console(
            markup=False,
            highlight=False,
            width=Measurement.get(console, options, table).maximum,
        )
    console.print(table)


def _shown(value: Any) -> str:
    value = plain(value)
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
