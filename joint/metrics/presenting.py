"""Figures as text, and tables of them."""

from collections.abc import Mapping
from typing import Any

from joint.files import plain

Row = Mapping[str, Any]


def figure_text(value: Any) -> str:
    """A figure in four digits; a dash where there is none."""
    value = plain(value)
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def known_names(table: Mapping[str, Row]) -> list[str]:
    """The names of the figures that one of the rows has, in order."""
    return list(
        dict.fromkeys(n for row in table.values() for n, value in row.items() if value is not None)
    )


def turned(table: Mapping[str, Row]) -> dict[str, dict[str, Any]]:
    """The table with its rows as columns, without figures that no row has."""
    return {n: {row: table[row].get(n) for row in table} for n in known_names(table)}
