"""A report: one HTML file with tables, charts and audio that refers to no other file and no
network address."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis.charts import svg
from analysis.report.media import audio_uri, spectrogram_uri
from joint.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = """
:root{color-scheme:light dark;--page:#fbfbfa;--card:#fff;--ink:#1f2430;--soft:#6b7280;
--line:#e3e6ea}
@media (prefers-color-scheme:dark){:root{--page:#14171c;--card:#1c2027;--ink:#e6e8ec;
--soft:#9aa2b1;--line:#30353f}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:1120px;margin:0 auto;padding:40px 20px 80px}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 8px}h2{font-size:1.25rem;margin:44px 0 6px}
h3{font-size:1rem;margin:0}p{margin:4px 0 12px;max-width:75ch}.soft{color:var(--soft)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:7px 16px 7px 0;text-align:right;white-space:nowrap;
border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left}thead th{color:var(--soft);font-weight:500}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(330px,100%),1fr));gap:16px}
.charts svg,.card{background:var(--card);border:1px solid var(--line);border-radius:10px}
.charts svg{width:100%;height:auto;padding:8px;background:#fff}
.wide{grid-template-columns:minmax(0,760px)}
.card{padding:16px;margin:14px 0}.tiles{display:grid;gap:14px;margin-top:10px;
grid-template-columns:repeat(auto-fit,minmax(min(190px,100%),1fr))}
figure{margin:0}figcaption{font-size:.86rem;margin-bottom:4px}
figure img{width:100%;height:120px;display:block;border-radius:6px;image-rendering:auto}
.picture img{height:auto;background:#fff}audio{width:100%;height:34px;margin-top:6px}
"""


@dataclass(frozen=True)
class Table:
    """Rows of text under `columns`; the first column names the row."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def html(self) -> str:
        """The table."""
        head = "".join(f"<th scope=col>{escape(column)}</th>" for column in self.columns)
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
class Section:
    """A part of the report: heading, a sentence of explanation, content."""

    title: str
    text: str
    content: Sequence[Table | Charts | Example | Picture] = field(default_factory=tuple)

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
        f"<body><main><h1>{escape(title)}</h1><p class=soft>{escape(text)}</p>{body}</main></body>"
        "</html>\n"
    )
    atomic_write(path, page)
