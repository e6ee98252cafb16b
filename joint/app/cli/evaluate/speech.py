"""Options that `joint evaluate vocoder`, `synthesis` and `conversion` share."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from joint.app.cli.evaluate.figures import print_figures
from joint.files import write_json

if TYPE_CHECKING:
    from joint.synthesis.evaluation.systems import Evaluation

Sentences: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--sentences",
        metavar="FILE.tsv",
        help="A list that `joint prepare` writes, with the columns id, text, source and reference: "
        "what is spoken, the utterance in which it is, and the utterance that enrols the voice.",
    ),
]
Recognizer: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--recognizer",
        metavar="faster-whisper:DIR",
        help="Also compute WER and CER, with the Whisper model in DIR (needs the extra "
        "`recognition`).",
    ),
]
Kept: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--kept",
        metavar="DIR",
        help="With --recognizer: keep in DIR what it recognised, so that a run that was stopped "
        "goes on, and one with another checkpoint recognises only what is new.",
    ),
]
Judge: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--judge",
        metavar="resemblyzer|CHECKPOINT",
        help="An encoder from outside that measures similarity beside the checkpoint's own: "
        "resemblyzer (pip install --no-deps resemblyzer), or any checkpoint.",
    ),
]
DnsmosFolder: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--dnsmos",
        metavar="NETWORKS|none",
        help="A folder with sig_bak_ovr.onnx and model_v8.onnx; by default that of the package "
        "speechmos (extra `synthesis`). none: no DNSMOS, which takes up to half of the time.",
    ),
]
Copied: TypeAlias = Annotated[
    bool,
    typer.Option("--copies/--no-copies", help="Also measure copies by the vocoder."),
]
Limit: TypeAlias = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="Only the first N rows; by default all."),
]
OutputFolder: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="DIR",
        help="Also write what each system makes as WAV, in a folder of its own.",
    ),
]
Report: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE.html",
        help="Also write a page with the figures and with players of 10 rows.",
    ),
]

PLAYED = 10
"""Rows that a report plays."""


def written(
    title: str,
    text: str,
    figures: Mapping[str, Any],
    found: "Evaluation",
    json: Path | None,
    report: Path | None,
) -> None:
    """Print the figures; write them, and the report, where there is a path."""
    print_figures(figures)
    if json:
        write_json(json, figures)
    if report:
        from analysis.report.speech import write_speech_report

        write_speech_report(report, title, text, figures, found)
