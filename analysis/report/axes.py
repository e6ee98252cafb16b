"""Axes of a chart as SVG text: scales, ticks, grid, legend. Colours are CSS classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 30, 46

STYLE = """
.chart{font:12px system-ui,sans-serif;--ink:#1f2430;--soft:#6b7280;--grid:#e3e6ea;
--s0:#2563eb;--s1:#d9480f;--s2:#0f766e;--s3:#9333ea}
@media (prefers-color-scheme:dark){.chart{--ink:#e6e8ec;--soft:#9aa2b1;--grid:#30353f;
--s0:#7aa7ff;--s1:#ff9a5c;--s2:#4fd1c5;--s3:#c89bff}}
.chart text{fill:var(--ink)}.chart .soft{fill:var(--soft)}
.chart .grid{stroke:var(--grid);stroke-width:1}.chart .mark{stroke:var(--soft);stroke-dasharray:4 4}
.chart .line{fill:none;stroke-width:2;stroke-linejoin:round}
.chart .faint{opacity:.35;stroke-width:1.2}
.chart .s0{stroke:var(--s0)}.chart .s1{stroke:var(--s1)}
.chart .s2{stroke:var(--s2)}.chart .s3{stroke:var(--s3)}
.chart .f0{fill:var(--s0)}.chart .f1{fill:var(--s1)}
.chart .f2{fill:var(--s2)}.chart .f3{fill:var(--s3)}
.chart .bar{fill-opacity:.45}
"""
COLOURS = 4


@dataclass(frozen=True)
class Scale:
    """One axis: `limits` in data units, where its `ticks` are, how they read, how it bends."""

    label: str
    limits: tuple[float, float]
    ticks: Sequence[float]
    shown: Callable[[float], str] = "{:g}".format
    bend: Callable[[np.ndarray], np.ndarray] = np.asarray

    def share(self, values: np.ndarray | Sequence[float]) -> np.ndarray:
        """Place on the axis, 0 at its start and 1 at its end; beyond is cut off."""
        low, high = self.bend(np.asarray(self.limits, dtype=float))
        clipped = np.clip(np.asarray(values, dtype=float), *self.limits)
        return (self.bend(clipped) - low) / (high - low)


def linear(label: str, values: np.ndarray, zero: bool = False) -> Scale:
    """A linear scale with round ticks around all finite `values`."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    step = _round_step((high - low) / 5)
    start, stop = np.floor(low / step), np.ceil(high / step)
    ticks = np.arange(start, stop + 1) * step
    return Scale(label, (float(ticks[0]), float(ticks[-1])), [float(tick) for tick in ticks])


def _round_step(step: float) -> float:
    power = 10.0 ** np.floor(np.log10(step))
    return float(next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= step * 0.999))


@dataclass
class Axes:
    """A chart under construction: draw, then ask for its `svg`."""

    title: str
    x: Scale
    y: Scale
    width: int = WIDTH
    height: int = HEIGHT
    drawn: list[str] = field(default_factory=list)
    legend: list[str] = field(default_factory=list)

    def points(
        self, x: np.ndarray | Sequence[float], y: np.ndarray | Sequence[float]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of data points."""
        across = LEFT + self.x.share(x) * (self.width - LEFT - RIGHT)
        down = self.height - BOTTOM - self.y.share(y) * (self.height - TOP - BOTTOM)
        return across, down

    def line(self, x: np.ndarray, y: np.ndarray, colour: int, css: str = "line") -> None:
        """A line through the finite points; what lies beyond the limits is left out."""
        keep = np.isfinite(x) & np.isfinite(y)
        keep &= (x >= self.x.limits[0]) & (x <= self.x.limits[1])
        keep &= (y >= self.y.limits[0]) & (y <= self.y.limits[1])
        across, down = self.points(np.asarray(x)[keep], np.asarray(y)[keep])
        path = " ".join(f"{a:.1f},{d:.1f}" for a, d in zip(across, down, strict=True))
        self.drawn.append(f'<polyline class="{css} s{colour % COLOURS}" points="{path}"/>')

    def dot(self, x: float, y: float, colour: int, hint: str) -> None:
        """A dot that tells `hint` under the pointer."""
        across, down = self.points([x], [y])
        self.drawn.append(
            f'<circle class="f{colour % COLOURS}" cx="{across[0]:.1f}" cy="{down[0]:.1f}" r="4">'
            f"<title>{escape(hint)}</title></circle>"
        )

    def bar(self, left: float, right: float, top: float, colour: int, hint: str) -> None:
        """A bar from zero to `top`."""
        across, down = self.points([left, right], [0.0, top])
        self.drawn.append(
            f'<rect class="bar f{colour % COLOURS}" x="{across[0]:.1f}" y="{down[1]:.1f}" '
            f'width="{across[1] - across[0]:.1f}" height="{down[0] - down[1]:.1f}">'
            f"<title>{escape(hint)}</title></rect>"
        )

    def mark(self, x: Sequence[float], y: Sequence[float]) -> None:
        """A dashed line that guides the eye."""
        across, down = self.points(x, y)
        self.drawn.append(
            f'<line class="mark" x1="{across[0]:.1f}" y1="{down[0]:.1f}" '
            f'x2="{across[1]:.1f}" y2="{down[1]:.1f}"/>'
        )

    def name(self, text: str, colour: int) -> None:
        """An entry of the legend."""
        down = TOP + 16 + 18 * len(self.legend)
        self.legend.append(
            f'<rect class="f{colour % COLOURS}" x="{self.width - RIGHT - 16}" y="{down - 9}" '
            f'width="10" height="10" rx="2"/><text x="{self.width - RIGHT - 22}" y="{down}" '
            f'text-anchor="end">{escape(text)}</text>'
        )

    def svg(self) -> str:
        """The chart, for a page that has `STYLE`."""
        head = '<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" '
        head += f'viewBox="0 0 {self.width} {self.height}" aria-label="{escape(self.title)}">'
        title = f'<text x="{LEFT}" y="18" font-weight="600">{escape(self.title)}</text>'
        return "".join([head, title, *self._grid(), *self.drawn, *self.legend, "</svg>"])

    def _grid(self) -> list[str]:
        floor, right = self.height - BOTTOM, self.width - RIGHT
        parts = []
        for tick in self.x.ticks:
            at = self.points([tick], [self.y.limits[0]])[0][0]
            parts.append(
                f'<line class="grid" x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{floor}"/>'
            )
            parts.append(
                f'<text class="soft" x="{at:.1f}" y="{floor + 17}" text-anchor="middle">'
                f"{escape(self.x.shown(tick))}</text>"
            )
        for tick in self.y.ticks:
            at = self.points([self.x.limits[0]], [tick])[1][0]
            parts.append(
                f'<line class="grid" x1="{LEFT}" y1="{at:.1f}" x2="{right}" y2="{at:.1f}"/>'
            )
            parts.append(
                f'<text class="soft" x="{LEFT - 7}" y="{at + 4:.1f}" text-anchor="end">'
                f"{escape(self.y.shown(tick))}</text>"
            )
        middle = TOP + (floor - TOP) / 2
        parts.append(
            f'<text class="soft" x="{LEFT + (right - LEFT) / 2:.1f}" y="{self.height - 10}" '
            f'text-anchor="middle">{escape(self.x.label)}</text>'
            f'<text class="soft" transform="translate(14 {middle:.1f}) rotate(-90)" '
            f'text-anchor="middle">{escape(self.y.label)}</text>'
        )
        return parts
