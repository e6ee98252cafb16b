"""Figures of an evaluation: as lines for people, as one flat JSON object for programs."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joint.files import atomic_write

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


def write_json(path: Path, figures: Mapping[str, Any]) -> None:
    """Write the figures as JSON, atomically; a figure that could not be computed is null."""
    atomic_write(path, json.dumps(_plain(figures), indent=2, allow_nan=False) + "\n")


def _shown(value: Any) -> str:
    value = _plain(value)
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    """NumPy scalars as Python's, not-a-number as None, so that any JSON reader accepts it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
