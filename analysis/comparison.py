"""Tables that compare what several trainings were measured at."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

Figures = Mapping[str, float | None]


def comparison_table(
    first_column: str, columns: Mapping[str, str], measured: Mapping[str, Sequence[Figures]]
) -> str:
    """A Markdown table: a row for each of `measured`, a column for each of `columns` (figure to its
    heading) that any of them has.

    Several measurements of one row, such as seeds, are shown as mean ± standard deviation.
    """
    shown = {
        key: heading
        for key, heading in columns.items()
        if any(values(key, each) for each in measured.values())
    }
    rows = [[first_column, *shown.values()], ["---"] * (1 + len(shown))]
    rows += [[name, *(cell(values(key, each)) for key in shown)] for name, each in measured.items()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def values(key: str, measured: Sequence[Figures]) -> list[float]:
    """The figure `key` of every measurement that has it."""
    found = (figures.get(key) for figures in measured)
    return [value for value in found if value is not None and math.isfinite(value)]


def cell(numbers: Sequence[float]) -> str:
    """Mean and, of several, standard deviation; – for none."""
    if not numbers:
        return "–"
    mean = rounded(float(np.mean(numbers)))
    return mean if len(numbers) == 1 else f"{mean} ± {rounded(float(np.std(numbers, ddof=1)))}"


def rounded(number: float) -> str:
    """Three significant digits, whole numbers from 100 on."""
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:#.3g}".rstrip(".")
