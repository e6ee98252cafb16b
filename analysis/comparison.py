"""Bar charts that compare the figures of several systems."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis.charts import new_figure, save
from joint.experiments.tables import Figures, values

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_comparison(
    measured: Mapping[str, Sequence[Figures]], key: str, label: str, path: Path
) -> None:
    """Write what `comparison_chart` draws to `path`."""
    save(comparison_chart(measured, key, label), path)


def comparison_chart(measured: Mapping[str, Sequence[Figures]], key: str, label: str) -> "Figure":
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
    return figure
