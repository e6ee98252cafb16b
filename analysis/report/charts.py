"""Charts of a report as SVG text: detection error trade-off, curves over time, histogram."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from analysis.report.axes import Axes, Scale, linear

DET_LIMITS = (0.001, 0.6)
DET_TICKS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6)
SMALL = (400, 250)


@dataclass(frozen=True)
class Curve:
    """A named line: `x (P,)`, `y (P,)`."""

    name: str
    x: np.ndarray
    y: np.ndarray


def det_chart(curves: Sequence[Curve]) -> str:
    """Misses against false alarms (shares 0..1, in order) on normal deviate axes; a dot is an EER.

    Martin et al., "The DET curve in assessment of detection task performance", 1997.
    """

    def axis(label: str) -> Scale:
        return Scale(label, DET_LIMITS, DET_TICKS, lambda tick: f"{100 * tick:g}", ndtri)

    axes = Axes("Detection error trade-off", axis("false alarms, %"), axis("misses, %"), 640, 480)
    axes.mark((DET_LIMITS[0], 0.4), (DET_LIMITS[0], 0.4))
    for colour, curve in enumerate(curves):
        axes.line(curve.x, curve.y, colour)
        rate = meeting(curve)
        axes.dot(rate, rate, colour, f"{curve.name}: EER {100 * rate:.2f} %")
        axes.name(f"{curve.name}: EER {100 * rate:.2f} %", colour)
    return axes.svg()


def meeting(curve: Curve) -> float:
    """Where a falling curve crosses the diagonal, straight between the two points around it."""
    gap = curve.y - curve.x
    order = np.argsort(gap, kind="stable")
    return float(np.interp(0.0, gap[order], curve.x[order]))


def line_chart(
    title: str, curves: Sequence[Curve], x_label: str, y_label: str, smooth: int = 1
) -> str:
    """Lines over a shared x axis; with `smooth` > 1 a running mean over that many points stands
    out before the faint raw values. Short curves (validations) get dots."""
    every_x = np.concatenate([curve.x for curve in curves])
    every_y = np.concatenate([_inner(curve.y) for curve in curves])
    axes = Axes(title, linear(x_label, every_x), linear(y_label, every_y), *SMALL)
    for colour, curve in enumerate(curves):
        if smooth > 1 and len(curve.x) > 2 * smooth:
            axes.line(curve.x, curve.y, colour, "line faint")
            axes.line(curve.x, running_mean(curve.y, smooth), colour)
        else:
            axes.line(curve.x, curve.y, colour)
        if len(curve.x) <= 12:
            for x, y in zip(curve.x, curve.y, strict=True):
                axes.dot(float(x), float(y), colour, f"{curve.name}: {y:.4g} at {x:.3g}")
        if len(curves) > 1:
            axes.name(curve.name, colour)
    return axes.svg()


def scatter_chart(title: str, points: np.ndarray, groups: Sequence[str], most: int = 4) -> str:
    """`points (n, 2)` without a scale, in colours of their `groups (n,)`; where there are more than
    `most`, colours repeat and the name of each is under the pointer alone."""
    axes = Axes(title, linear("", points[:, 0]), linear("", points[:, 1]), 400, 340)
    names = sorted(set(groups))
    for (x, y), group in zip(points, groups, strict=True):
        axes.dot(float(x), float(y), names.index(group), group)
    for colour, name in enumerate(names if len(names) <= most else ()):
        axes.name(name, colour)
    return axes.svg()


def _inner(values: np.ndarray) -> np.ndarray:
    """Values without the far outliers of the first steps, which would flatten the rest."""
    finite = values[np.isfinite(values)]
    if len(finite) < 50:
        return finite
    low, high = np.percentile(finite, [1, 99])
    return finite[(finite >= low) & (finite <= high)]


def running_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Mean over `width` neighbours `(P,)`, over fewer at the ends; values that are no number are
    left out."""
    kernel = np.ones(width)
    good = np.isfinite(values)
    total = np.convolve(np.where(good, values, 0.0), kernel, mode="same")
    return total / np.maximum(np.convolve(good.astype(float), kernel, mode="same"), 1.0)


def histogram_chart(
    title: str, values: Mapping[str, np.ndarray], x_label: str, width: float = 1.0
) -> str:
    """How many of each system's `values (P,)` fall into bins of `width`; zero is marked."""
    every = np.concatenate([array[np.isfinite(array)] for array in values.values()])
    x = linear(x_label, every, zero=True)
    edges = np.arange(np.floor(x.limits[0] / width), np.ceil(x.limits[1] / width) + 1) * width
    counts = {name: np.histogram(array, edges)[0] for name, array in values.items()}
    y = linear("mixtures", np.concatenate(list(counts.values())).astype(float), zero=True)
    axes = Axes(title, linear(x_label, edges), y)
    for colour, (name, array) in enumerate(values.items()):
        for left, right, count in zip(edges, edges[1:], counts[name], strict=False):
            if count:
                hint = f"{name}: {count} from {left:g} to {right:g}"
                axes.bar(left, right, float(count), colour, hint)
        median = float(np.nanmedian(array)) if len(array) else float("nan")
        axes.name(f"{name}: median {median:+.1f}", colour)
    axes.mark([0, 0], y.limits)
    return axes.svg()
