"""A report: one HTML file with tables, charts and audio that needs no other file and no network
address; it may link to the files that it was made of."""

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from analysis.charts import svg
from analysis.report.media import audio_uri, spectrogram_uri
from analysis.report.style import SCRIPT, STYLE
from joint.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Table:
    """Rows of text under `columns`; the first column names the row. A click on a heading sorts."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def html(self) -> str:
        """The table."""
        head = "".join(
            f"<th scope=col><button>{escape(column)}</button></th>" for column in self.columns
        )
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows
        )
        return (
            f"<div class=scroll><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table></div>"
        )


@dataclass(frozen=True)
class Charts:
    """Figures as SVG, side by side, or one below the other where they are `wide`."""

    figures: Sequence["Figure"]
    wide: bool = False

    def html(self) -> str:
        """The charts."""
        charts = "".join(svg(figure) for figure in self.figures)
        return f'<div class="charts{" wide" if self.wide else ""}">{charts}</div>'


@dataclass(frozen=True)
class Example:
    """One mixture to listen to: named waveforms `(S,)`, each with its spectrogram and player."""

    title: str
    note: str
    sounds: Mapping[str, np.ndarray]

    def html(self) -> str:
        """A card with one tile for each sound."""
        tiles = "".join(
            f"<figure><figcaption>{escape(name)} "
            f"<span class=soft>{len(sound) / 16000:.1f} s</span></figcaption>"
            f'<img alt="spectrogram: {escape(name)}" src="{spectrogram_uri(sound)}">'
            f'<audio controls preload="none" src="{audio_uri(sound)}"></audio></figure>'
            for name, sound in self.sounds.items()
        )
        return (
            f"<div class=card><h3>{escape(self.title)}</h3>"
            f'<div class="soft">{escape(self.note)}</div><div class=tiles>{tiles}</div></div>'
        )


@dataclass(frozen=True)
class Picture:
    """A PNG file and its caption."""

    path: Path
    caption: str

    def html(self) -> str:
        """The picture, inside the page."""
        data = base64.b64encode(self.path.read_bytes()).decode()
        return (
            f"<figure class=picture><figcaption>{escape(self.caption)}</figcaption>"
            f'<img alt="{escape(self.caption)}" src="data:image/png;base64,{data}"></figure>'
        )


@dataclass(frozen=True)
class Links:
    """Files that a report was made of or that belong to it, by what they are; a file that is there
    is linked, relative to the `folder` of the page, and anything else is named."""

    files: Mapping[str, str | Path]
    folder: Path

    def html(self) -> str:
        """A list."""
        items = "".join(
            f"<li>{escape(what)}: {self._link(str(file))}</li>" for what, file in self.files.items()
        )
        return f"<ul>{items}</ul>"

    def _link(self, file: str) -> str:
        if not os.path.exists(file):
            return escape(file)
        target = quote(os.path.relpath(os.path.abspath(file), os.path.abspath(self.folder)))
        return f'<a href="{target}">{escape(file)}</a>'


@dataclass(frozen=True)
class Section:
    """A part of the report: heading, a sentence of explanation, content."""

    title: str
    text: str
    content: Sequence[Table | Charts | Example | Picture | Links] = field(default_factory=tuple)

    def html(self) -> str:
        """The section."""
        parts = "".join(block.html() for block in self.content)
        return f"<section><h2>{escape(self.title)}</h2><p>{escape(self.text)}</p>{parts}</section>"


def write_report(path: str | Path, title: str, text: str, sections: Sequence[Section]) -> None:
    """Write the report as one self-contained HTML file; raises JointError where it cannot."""
    body = "".join(section.html() for section in sections)
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1><p class=soft>{escape(text)}</p>{body}</main>"
        f"<script>{SCRIPT}</script></body></html>\n"
    )
    atomic_write(path, page)
