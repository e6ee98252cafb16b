"""Tables and bar charts that compare the figures of several systems."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from analysis.charts import new_figure, save

Figures = Mapping[str, float | None]


def comparison_table(
    first_column: str,
    columns: Mapping[str, str],
    measured: Mapping[str, Sequence[Figures]],
    further: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """A Markdown table: a row for each of `measured`, a column for each of `columns` (key of the
    figure to heading) that any of them has.

    Several measurements of one row, such as seeds, are shown as mean ± standard deviation.
    `further` are columns of text, by heading and row.
    """
    more = further or {}
    shown = {
        key: heading
        for key, heading in columns.items()
        if any(values(key, each) for each in measured.values())
    }
    heading = [first_column, *shown.values(), *more]
    rows = [heading, ["---"] * len(heading)]
    for name, each in measured.items():
        texts = [column.get(name, "–") for column in more.values()]
        rows.append([name, *(cell(values(key, each)) for key in shown), *texts])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def plot_comparison(
    measured: Mapping[str, Sequence[Figures]], key: str, label: str, path: Path
) -> None:
    """A bar for each of `measured` as long as its mean, and a dot for each measurement."""
    rows = {name: values(key, each) for name, each in measured.items()}
    rows = {name: numbers for name, numbers in rows.items() if numbers}
    figure = new_figure(6.0, 0.8 + 0.32 * len(rows))
    axis = figure.add_subplot()
    for place, numbers in enumerate(rows.values()):
        axis.barh(place, float(np.mean(numbers)), color="#9ec3e6", height=0.6)
        axis.plot(numbers, [place] * len(numbers), ".", color="#1d4e89")
    axis.set_yticks(range(len(rows)), list(rows))
    axis.invert_yaxis()
    axis.set_xlabel(label)
    axis.spines[["top", "right"]].set_visible(False)
    save(figure, path)


def values(key: str, measured: Sequence[Figures]) -> list[float]:
    """The figure `key` of every measurement that has a finite one."""
    found = (figures.get(key) for figures in measured)
    return [value for value in found if value is not None and math.isfinite(value)]


def cell(numbers: Sequence[float]) -> str:
    """Mean and, where the numbers differ, standard deviation; – for no number."""
    if not numbers:
        return "–"
    mean = rounded(float(np.mean(numbers)))
    if len(set(numbers)) == 1:
        return mean
    return f"{mean} ± {rounded(float(np.std(numbers, ddof=1)))}"


def rounded(number: float) -> str:
    """Three significant digits; from 100 on, a whole number."""
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:#.3g}".rstrip(".")
