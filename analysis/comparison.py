"""Bar charts that compare the figures of several systems."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from analysis.charts import new_figure, save
from joint.experiments.tables import Figures, values


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
