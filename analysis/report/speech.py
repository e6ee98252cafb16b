"""The report of an evaluation of synthetic speech: figures, and players side by side."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.report.figures import figure_table, named_figures
from analysis.report.page import Example, Section, write_report
from joint.metrics.presenting import turned
from joint.synthesis.evaluation.systems import Evaluation

LISTEN = (
    "Evenly spaced in the list. Spectrograms: time to the right, 0 to 8 kHz upwards, 80 dB from "
    "dark to bright."
)


def write_speech_report(
    path: Path, title: str, text: str, figures: Mapping[str, Any], found: Evaluation
) -> None:
    """Write the page of `figures`, with the sounds that `found` has kept. Raises JointError."""
    content = [figure_table("figure", turned(figures["by_system"]))]
    if groups := figures.get("by_group"):
        content.append(figure_table("group", groups))
    sections = [Section("Figures", named_figures(figures), content)]
    if found.sounds:
        players = [_example(found, row_id) for row_id in found.sounds]
        sections.append(Section("Listen", LISTEN, players))
    write_report(path, title, text, sections)


def _example(found: Evaluation, row_id: str) -> Example:
    place = next(i for i, row in enumerate(found.rows) if row.id == row_id)
    row = found.rows[place]
    transcripts = {
        name: measured[place].transcript
        for name, measured in found.measured.items()
        if measured[place].transcript is not None
    }
    recognised = "; ".join(f"{name}: “{words}”" for name, words in transcripts.items())
    note = f"{row.source}, enrolled with {row.reference}."
    if recognised:
        note += f" Recognised: {recognised}"
    return Example(f"{row.id}: {row.text.capitalize()}", note, found.sounds[row_id])
