"""Charts by matplotlib: DET curves, lines over time, scatter plots and histograms.

A chart is a matplotlib `Figure`, written to a file by `save` or put into a page by `svg`. pyplot is
not used: no window system is asked for, no figure stays open.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from joint.errors import DataError
from joint.files import atomic_path
from joint.metrics.detection import ErrorRates

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")
DET_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6)
FEW = 12
"""Curves of at most so many points have their points marked."""

_WITHOUT_DATE = {"Date": None, "Creator": None, "Format": None, "Type": None}


@dataclass(frozen=True)
class Curve:
    """A named line: `x (P,)`, `y (P,)`."""

    name: str
    x: np.ndarray
    y: np.ndarray


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of this size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG, SVG or PDF. Raises DataError for another ending, JointError where the
    file cannot be written."""
    if path.suffix.lower() not in FORMATS:
        raise DataError(path, f"the ending {path.suffix!r}", " or ".join(FORMATS))
    with atomic_path(path) as unfinished:
        figure.savefig(unfinished, dpi=150)


def svg(figure: "Figure") -> str:
    """The figure as an SVG element for a page, the same for the same figure."""
    import matplotlib

    written = io.StringIO()
    # text stays text; names inside do not depend on chance
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "chart"}):
        figure.savefig(written, format="svg", metadata=_WITHOUT_DATE, transparent=True)
    text = written.getvalue()
    return text[text.index("<svg") :]


def det_chart(
    systems: Mapping[str, ErrorRates], title: str = "Detection error trade-off"
) -> "Figure":
    """Miss rate against false alarm rate on normal deviate axes, a curve for each system with its
    EER on the diagonal (Martin et al., "The DET curve in assessment of detection task performance",
    Eurospeech 1997)."""
    from scipy.special import ndtri

    figure = new_figure(5.5, 5.5)
    axes = figure.add_subplot()
    lowest, highest = DET_TICKS[0], DET_TICKS[-1]
    limits = float(ndtri(lowest)), float(ndtri(highest))
    axes.plot(limits, limits, color="0.6", linewidth=0.8, linestyle="--")
    for name, rates in systems.items():
        # the deviates of 0 and 1 are infinite
        shares = (np.clip(r, lowest / 10, 1 - lowest / 10) for r in (rates.false_alarm, rates.miss))
        percent = rates.eer().percent
        (line,) = axes.plot(*map(ndtri, shares), label=f"{name}: EER {percent:.2f} %")
        at = float(ndtri(np.clip(percent / 100, lowest, highest)))
        axes.plot(at, at, "o", color=line.get_color(), markersize=5)
    labels = [f"{100 * tick:g}" for tick in DET_TICKS]
    axes.set_xticks(ndtri(DET_TICKS), labels)
    axes.set_yticks(ndtri(DET_TICKS), labels)
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    axes.set_title(title, fontsize=10, loc="left")
    axes.set(xlabel="false alarms, %", ylabel="misses, %")
    _finish(axes, legend=True)
    return figure


def line_chart(
    title: str, curves: Sequence[Curve], x_label: str, y_label: str, smooth: int = 1
) -> "Figure":
    """Lines over one x axis; with `smooth` > 1 long curves are faint behind their running mean over
    so many points."""
    figure = new_figure(4.2, 2.7)
    axes = figure.add_subplot()
    for curve in curves:
        (line,) = axes.plot(
            curve.x, curve.y, ".-" if len(curve.x) <= FEW else "-", label=curve.name, linewidth=1.5
        )
        if smooth > 1 and len(curve.x) > 2 * smooth:
            line.set(alpha=0.3, linewidth=0.8, label="")
            mean = running_mean(curve.y, smooth)
            axes.plot(curve.x, mean, color=line.get_color(), label=curve.name, linewidth=1.8)
    shown = np.concatenate([without_outliers(curve.y) for curve in curves])
    if shown.size and shown.min() < shown.max():
        margin = 0.05 * (shown.max() - shown.min())
        axes.set_ylim(shown.min() - margin, shown.max() + margin)
    axes.set_title(title, fontsize=10, loc="left")
    axes.set(xlabel=x_label, ylabel=y_label)
    _finish(axes, legend=len(curves) > 1)
    return figure


def scatter_chart(title: str, points: np.ndarray, groups: Sequence[str], most: int = 8) -> "Figure":
    """`points (n, 2)` without scales, coloured by their `groups (n,)`; more than `most` groups have
    no legend and share colours."""
    figure = new_figure(4.2, 3.6)
    axes = figure.add_subplot()
    owners = np.asarray(groups)
    for name in sorted(set(groups)):
        axes.plot(*points[owners == name].T, "o", markersize=3, alpha=0.8, label=name)
    axes.set_title(title, fontsize=10, loc="left")
    axes.set(xticks=[], yticks=[])
    _finish(axes, legend=len(set(groups)) <= most)
    return figure


def histogram_chart(
    title: str, values: Mapping[str, np.ndarray], x_label: str, width: float = 1.0
) -> "Figure":
    """How many of each system's `values (P,)` fall into bins of this `width`; zero is marked."""
    figure = new_figure(5.6, 3.2)
    axes = figure.add_subplot()
    finite = {name: array[np.isfinite(array)] for name, array in values.items()}
    every = np.concatenate([*finite.values(), [0.0]])
    first, last = np.floor(every.min() / width), np.floor(every.max() / width) + 1
    edges = (np.arange(first, last + 1) * width).tolist()
    for name, array in finite.items():
        median = f": median {np.median(array):+.1f}" if len(array) else ": none"
        axes.hist(array, edges, alpha=0.5, label=name + median)
    axes.axvline(0.0, color="0.4", linewidth=0.8, linestyle="--")
    axes.set_title(title, fontsize=10, loc="left")
    axes.set(xlabel=x_label, ylabel="number")
    _finish(axes, legend=True)
    return figure


def without_outliers(values: np.ndarray) -> np.ndarray:
    """The finite values; of 50 or more those between the 1st and 99th percentile, since the first
    steps of a training would flatten the rest."""
    finite = values[np.isfinite(values)]
    if len(finite) < 50:
        return finite
    low, high = np.percentile(finite, [1, 99])
    return finite[(finite >= low) & (finite <= high)]


def running_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Mean over `width` neighbours `(P,)`, over fewer at the ends; values that are not finite are
    left out."""
    kernel = np.ones(width)
    good = np.isfinite(values)
    total = np.convolve(np.where(good, values, 0.0), kernel, mode="same")
    return total / np.maximum(np.convolve(good.astype(float), kernel, mode="same"), 1.0)


def _finish(axes: "Axes", legend: bool) -> None:
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if legend:
        axes.legend(frameon=False, fontsize=8)
