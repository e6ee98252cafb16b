"""DET plots: misses against false alarms on normal-deviate axes, as PNG, SVG or PDF."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from scipy.special import ndtri
from sklearn.metrics import det_curve

from joint.errors import DataError
from joint.files import atomic_path

TICKS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6)

_FORMATS: Final = (".png", ".svg", ".pdf")


def plot_det(
    systems: Mapping[str, tuple[np.ndarray, np.ndarray]], path: Path, title: str = ""
) -> None:
    """Draw one curve for each system; where both axes are equal, the diagonal, lies its EER.

    `systems` maps a name to `scores (T,)` and `labels (T,)`, 1 for target trials (Martin et al.
    1997, "The DET curve in assessment of detection task performance"). Raises DataError for one
    class only, scores that are not finite, and a file ending other than png, svg and pdf.
    """
    if path.suffix.lower() not in _FORMATS:
        raise DataError(path, f"the ending {path.suffix!r}", " or ".join(_FORMATS))
    curves = {name: _curve(name, *trials) for name, trials in systems.items()}

    # Imported here, and without pyplot: no window system is asked for, no figure stays open.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, (false_alarm, miss) in curves.items():
        axes.plot(ndtri(false_alarm), ndtri(miss), label=name, linewidth=1.8)
    limits = ndtri(TICKS[0]), ndtri(TICKS[-1])
    axes.plot(limits, limits, color="0.6", linewidth=0.8, linestyle="--", label="equal error rate")
    labels = [f"{100 * tick:g}" for tick in TICKS]
    axes.set_xticks(ndtri(TICKS), labels)
    axes.set_yticks(ndtri(TICKS), labels)
    axes.set(xlim=limits, ylim=limits, aspect="equal", title=title)
    axes.set(xlabel="false alarms (%)", ylabel="misses (%)")
    axes.grid(color="0.9")
    axes.legend(frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)


def _curve(name: str, scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False alarms and misses inside (0, 1): the normal deviate of 0 and 1 is infinite."""
    try:
        false_alarm, miss, _ = det_curve(np.asarray(labels).astype(bool), scores)
    except ValueError as error:
        raise DataError(f"DET of {name}", str(error), "finite scores of both classes") from error
    inside = TICKS[0] / 10, 1 - TICKS[0] / 10
    return np.clip(false_alarm, *inside), np.clip(miss, *inside)
