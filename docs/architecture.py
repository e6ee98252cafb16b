"""Draws `architecture.svg`, the picture of the README: `python docs/architecture.py`."""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

INK, SHARED, TASK, PLAIN = "#1f2933", "#d6e4ff", "#e3f4e1", "#f3f4f6"
TASKS = (
    ("verification", "speaker classes, EER"),
    ("target speaker extraction", "mixture → one voice, SI-SDRi"),
    ("recognition", "single, SIMO, SISO, target; WER"),
    ("phonetics", "multi-task or adversary"),
    ("diarization", "who spoke when (inference)"),
)


def box(ax: Axes, x: float, y: float, w: float, h: float, colour: str, *text: str) -> None:
    """A rounded box; its first line of text is bold."""
    shape = FancyBboxPatch(
        (x, y), w, h, boxstyle="round,pad=0,rounding_size=0.12", fc=colour, ec=INK, lw=1
    )
    ax.add_patch(shape)
    step = 0.34
    top = y + h / 2 + step * (len(text) - 1) / 2
    for i, line in enumerate(text):
        weight = "bold" if i == 0 else "normal"
        size = 10 if i == 0 else 8.5
        ax.text(x + w / 2, top - i * step, line, ha="center", va="center", size=size, weight=weight)


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """An arrow from one point to another."""
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1})


def draw(path: Path) -> None:
    """Write the picture as SVG, its text as text."""
    plt.rcParams |= {"svg.fonttype": "none", "font.family": "sans-serif", "svg.hashsalt": "joint"}
    figure, ax = plt.subplots(figsize=(13.4, 5.6))
    ax.set(xlim=(0, 17.4), ylim=(0.6, 7.1))
    ax.axis("off")
    box(ax, 0.1, 3.0, 2.3, 1.2, PLAIN, "corpus", "lhotse manifests", "or shards")
    box(
        ax,
        3.0,
        2.6,
        2.5,
        2.0,
        PLAIN,
        "SceneBatch",
        "enrolments,",
        "mixture, references,",
        "texts, phones",
    )
    box(
        ax,
        6.1,
        2.2,
        3.1,
        2.8,
        SHARED,
        "SpeakerEncoder",
        "front-end → backbone",
        "→ pooling",
        "one, shared by all tasks",
    )
    ax.text(7.65, 1.75, "SpeakerEncoding:", ha="center", size=8.5)
    ax.text(7.65, 1.4, "frames + embedding", ha="center", size=8.5)
    arrow(ax, (2.4, 3.6), (3.0, 3.6))
    arrow(ax, (5.5, 3.6), (6.1, 3.6))
    for i, (name, what) in enumerate(TASKS):
        y = 5.85 - 1.25 * i
        box(ax, 10.6, y, 4.1, 1.0, TASK, name, what)
        arrow(ax, (9.2, 3.6), (10.6, y + 0.5))
        if i < 4:
            arrow(ax, (14.7, y + 0.5), (15.4, 3.9))
    ax.text(9.0, 6.3, "frozen | adapter | joint", ha="center", size=8.5, style="italic")
    box(ax, 15.4, 3.2, 1.9, 1.4, PLAIN, "loss", "weighted sum", "→ Trainer")
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    draw(Path(__file__).with_suffix(".svg"))
