"""HTML of the page: tables, spectrograms and drawings, with all texts escaped.

Pictures are inside the HTML: no file is left on the server.
"""

import base64
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from analysis.report.media import spectrogram_uri
from joint.app.shared.wording import properties_text
from joint.inspection.reading import InspectedRecording
from joint.units import SAMPLE_RATE

CSS = """
.joint figure {margin: 0 0 .8em}
.joint figure > div {overflow-x: auto}
.joint img.spectrogram {width: 100%; height: 130px; border-radius: 4px}
.joint figcaption {font-size: .85em; opacity: .8}
.joint table {border-collapse: collapse; margin-bottom: .8em}
.joint td, .joint th {text-align: left; padding: .15em 1.2em .15em 0; border: 0 !important}
"""


def spectrograms(waveforms: Mapping[str, np.ndarray]) -> str:
    """The spectrogram of each waveform `(S,)` at 16 kHz, by its title."""
    figures = []
    for title, waveform in waveforms.items():
        seconds = len(waveform) / SAMPLE_RATE
        caption = f"{title}: {seconds:.2f} s to the right, 0 to 8 kHz upwards"
        figures.append(_figure(spectrogram_uri(waveform), caption, "spectrogram"))
    return _block("".join(figures))


def drawing(draw: Callable[[Path], None], caption: str) -> str:
    """The PNG that `draw` writes to the path it is given."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        draw(path)
        data = base64.b64encode(path.read_bytes()).decode()
    return _block(_figure(f"data:image/png;base64,{data}", caption, "drawing"))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a head."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return _block(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def inspections(recordings: Mapping[str, InspectedRecording]) -> str:
    """What was measured of each recording, a column each."""
    measured = [dict(properties_text(r.properties)) for r in recordings.values()]
    rows = [[name, *(column[name] for column in measured)] for name in measured[0]]
    return table(["", *recordings], rows)


def _figure(source: str, caption: str, kind: str) -> str:
    text = escape(caption)
    image = f'<img class="{kind}" src="{source}" alt="{text}">'
    return f"<figure><div>{image}</div><figcaption>{text}</figcaption></figure>"


def _block(content: str) -> str:
    return f'<div class="joint">{content}</div>'
