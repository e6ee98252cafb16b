"""Figures of an evaluation on the terminal."""

from collections.abc import Mapping
from typing import Any

from joint.files import plain

GROUPS = "by_group"


def print_figures(figures: Mapping[str, Any]) -> None:
    """Print a line a figure, then one a group."""
    flat = {name: value for name, value in figures.items() if name != GROUPS}
    width = max(map(len, flat), default=0)
    for name, value in flat.items():
        print(f"{name:<{width}}  {_shown(value)}")
    for group, values in (figures.get(GROUPS) or {}).items():
        shown = ", ".join(f"{name} {_shown(value)}" for name, value in values.items())
        print(f"{group}: {shown}")


def _shown(value: Any) -> str:
    value = plain(value)
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
