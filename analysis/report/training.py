"""Training curves from the log of a run, `metrics.jsonl`: one chart for each scalar."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.charts import Curve, line_chart
from analysis.report.page import Charts, Section
from joint.errors import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BOOKKEEPING = frozenset({"step", "minutes", "mixtures", "scenes", "epoch", "progress"})
VALIDATION = "validation"
SMOOTH_SHARE = 25
"""The running mean covers one in so many points of a curve."""


def read_log(path: str | Path) -> list[dict[str, Any]]:
    """The rows of a run's log; raises DataError for a file that cannot be read.

    An incomplete last line, which a killed run leaves, is ignored.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path, str(error), "the log of a training run") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number < len(lines):
                raise DataError(f"{path}:{number}", line[:60], "a JSON object a line") from error
    return rows


def training_curves(
    rows: Sequence[Mapping[str, Any]], over: str = "minutes"
) -> tuple[dict[str, Curve], dict[str, Curve]]:
    """Scalars of the training steps and of the validations, by name, over a counter of the log."""
    return (
        _by_name([row for row in rows if VALIDATION not in row], lambda row: row, over),
        _by_name([row for row in rows if VALIDATION in row], lambda row: row[VALIDATION], over),
    )


def _by_name(rows: Sequence[Mapping[str, Any]], scalars: Any, over: str) -> dict[str, Curve]:
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        for name, value in scalars(row).items():
            if name not in BOOKKEEPING and _is_number(value) and _is_number(row.get(over)):
                points.setdefault(name, []).append((row[over], value))
    return {name: Curve(name, *np.asarray(pairs, dtype=float).T) for name, pairs in points.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def training_panels(
    rows: Sequence[Mapping[str, Any]], names: Mapping[str, str] | None = None
) -> list["Figure"]:
    """One chart for each scalar: training first, then validation. `names` are the training scalars
    to show and their titles (all of them where none of these were logged)."""
    training, validation = training_curves(rows)
    chosen = {name: title for name, title in (names or {}).items() if name in training}
    panels = [
        line_chart(
            title,
            [training[name]],
            "minutes",
            unit_of(name),
            smooth=max(3, len(training[name].x) // SMOOTH_SHARE),
        )
        for name, title in (chosen or {name: name for name in training}).items()
    ]
    panels += [
        line_chart(f"held out: {name}", [curve], "minutes", unit_of(name))
        for name, curve in validation.items()
    ]
    return panels


def training_section(log: Path) -> Section:
    """The section of a training's log. Raises DataError."""
    text = "Thin: single steps. Thick: their running mean."
    return Section("Training", text, [Charts(training_panels(read_log(log)))])


def unit_of(name: str) -> str:
    """The unit of a scalar, by the end of its name; empty where it has none."""
    units = {"_db": "dB", "_percent": "%", "_share": "share", "loss": "loss"}
    return next((unit for ending, unit in units.items() if name.endswith(ending)), "")
