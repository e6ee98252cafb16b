"""A timeline of speaker turns with their words, drawn by matplotlib."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from joint.conversation.turns import Turn, in_order
from joint.errors import DataError
from joint.files import atomic_path
from joint.units import SAMPLE_RATE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURES = (".svg", ".png")
COLOURS = ("#9ec3e6", "#f4b183", "#a9d18e", "#d5b8ea", "#ffe08a", "#f2a7b5")
"""Light, so that black words are legible on them; they repeat from the seventh speaker on."""

INCHES_A_SECOND = 0.42
NARROWEST, WIDEST = 7.0, 60.0
LANE, MARGIN = 0.62, 0.75
"""Inches: the height of a speaker's lane, and of the title and axis of a version."""

SIZE = 7.5
CHARACTER = 0.62
"""The font size in points, and the width of a character relative to it."""


def check_picture(path: str | Path) -> None:
    """Raise DataError for an ending other than .svg and .png."""
    if Path(path).suffix.lower() not in PICTURES:
        found = f"the ending {Path(path).suffix!r}"
        raise DataError(path, found, f"one of {', '.join(PICTURES)}")


def draw_timeline(path: str | Path, versions: Mapping[str, Sequence[Turn]]) -> None:
    """Draw several versions of the turns, such as reference and hypothesis, above each other.

    Each speaker has a lane and each turn a bar, with as many of its words as fit; a name has the
    same colour in all versions. The width grows with the recording, up to 60 inches. The same turns
    give the same bytes. Raises DataError for an ending other than .svg and .png, JointError where
    the file cannot be written.
    """
    import matplotlib
    from matplotlib.figure import Figure  # not pyplot, which asks for a window system

    check_picture(path)

    seconds = max((t.end / SAMPLE_RATE for turns in versions.values() for t in turns), default=1.0)
    people = speakers_of(turn for turns in versions.values() for turn in turns)
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(people)}
    lanes = [max(1, len(speakers_of(turns))) for turns in versions.values()]
    width = min(WIDEST, max(NARROWEST, INCHES_A_SECOND * seconds))
    height = sum(LANE * count + MARGIN for count in lanes)
    # Fixed, so that two drawings of the same turns are the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": "timeline", "svg.fonttype": "none"}):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(len(versions), squeeze=False, gridspec_kw={"height_ratios": lanes})
        for axis, (title, turns) in zip(axes[:, 0], versions.items(), strict=True):
            axis.set_title(title, loc="left", fontsize=9)
            _draw(axis, in_order(turns), colours, seconds, width / seconds)
        axes[-1, 0].set_xlabel("seconds")
        with atomic_path(path) as unfinished:
            figure.savefig(unfinished, dpi=120, metadata=_without_date(unfinished))


def speakers_of(turns: Iterable[Turn]) -> list[str]:
    """Speakers in order of their first turn."""
    return list(dict.fromkeys(turn.speaker for turn in in_order(turns)))


def fitting(text: str, inches: float, lines: int = 3) -> str:
    """As many words of `text` as fit a bar of this width in so many lines, with … where some are
    left out; empty where the bar is too narrow for any."""
    characters = int(inches * 72 / (CHARACTER * SIZE))
    if characters < 3 or not text.strip():
        return ""
    wrapped = textwrap.wrap(text, characters, max_lines=lines, placeholder="…")
    return "\n".join(wrapped)


def _draw(
    axis: "Axes",
    turns: Sequence[Turn],
    colours: Mapping[str, str],
    seconds: float,
    inches_a_second: float,
) -> None:
    people = speakers_of(turns)
    for turn in turns:
        start, length = turn.start / SAMPLE_RATE, (turn.end - turn.start) / SAMPLE_RATE
        lane = people.index(turn.speaker)
        axis.barh(lane, length, left=start, height=0.86, color=colours[turn.speaker])
        if words := fitting(turn.text, length * inches_a_second):
            # Without parsing, since $ would begin a formula.
            axis.text(
                start + length / 2,
                lane,
                words,
                size=SIZE,
                ha="center",
                va="center",
                parse_math=False,
            )
    axis.set_yticks(range(len(people)), people, parse_math=False)
    axis.set_ylim(max(1, len(people)) - 0.5, -0.5)
    axis.set_xlim(0.0, seconds)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", linewidth=0.4, color="#dddddd")
    axis.set_axisbelow(True)


def _without_date(path: Path) -> dict[str, None]:
    """Metadata without the date (SVG) and the library's version (PNG)."""
    return {"Date": None} if path.suffix.lower() == ".svg" else {"Software": None}
