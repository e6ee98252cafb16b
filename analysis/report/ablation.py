"""The report of an ablation: the table of figures, bars, training curves, and each run's files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.charts import Curve, line_chart
from analysis.comparison import comparison_chart
from analysis.report.page import Charts, Links, Section, Table, write_report
from analysis.report.training import read_log, training_curves, unit_of
from joint.experiments.ablation import FIGURES, Grid, Run
from joint.experiments.tables import columns_of, comparison_rows, measured_figures, values

BARS = ("eer_percent", "si_sdr_improvement_db", "error_percent", "synthesis_wer_percent")
"""Figures that are drawn, where a run has them."""
FILES = ("recipe.yaml", "model.safetensors", FIGURES, "training.log", "metrics.jsonl")


def write_ablation_report(
    path: Path, grid: Grid, test: str | Path, further: Mapping[str, Mapping[str, str]]
) -> None:
    """Write the page of all finished runs of a grid, which were evaluated on `test`; `further` are
    columns of text. Raises JointError."""
    measured = measured_figures(grid)
    columns = columns_of(measured)
    heading, *rows = comparison_rows("variant", columns, measured, further)
    drawn = [key for key in BARS if any(values(key, each) for each in measured.values())]
    bars = Charts([comparison_chart(measured, key, columns[key]) for key in drawn])
    runs = grid.runs()
    links = {
        f"{run.variant}, seed {run.seed}: {name}": run.folder / name for run, name in _files(runs)
    }
    sections = [
        Section(
            "Figures",
            "Several seeds: mean ± standard deviation. A click on a heading sorts the rows.",
            [Table(heading, rows), bars],
        ),
        Section("Training", "The loss and held-out figures of the first seed.", [_curves(runs)]),
        Section(
            "Files",
            "What the figures were made of.",
            [Links({"grid": grid.path, "test set": test, **links}, path.parent)],
        ),
    ]
    done = sum(map(len, measured.values()))
    text = (
        f"{done} of {len(runs)} runs are finished. Seeds: {', '.join(map(str, grid.config.seeds))}."
    )
    write_report(path, f"Ablation {grid.path.stem}", text, sections)


def _files(runs: Sequence[Run]) -> list[tuple[Run, str]]:
    return [(run, name) for run in runs for name in FILES if (run.folder / name).is_file()]


def _curves(runs: Sequence[Run]) -> Charts:
    """A chart for the loss and each held-out figure, with a line for each variant that logged it
    more than once."""
    lines: dict[str, list[Curve]] = {}
    first = {run.variant: run for run in reversed(runs)}
    for variant, run in reversed(first.items()):
        log = run.folder / "metrics.jsonl"
        if log.is_file():
            training, held_out = training_curves(read_log(log))
            found = {"loss": training["loss"]} if "loss" in training else {}
            # TASK/FIGURE, without those of single corpora
            found |= {f"held out: {n}": c for n, c in held_out.items() if n.count("/") == 1}
            for name, curve in found.items():
                if len(curve.x) > 1:
                    lines.setdefault(name, []).append(Curve(variant, curve.x, curve.y))
    return Charts(
        [line_chart(name, curves, "minutes", unit_of(name)) for name, curves in lines.items()]
    )
