"""Gain per mixture seen: SI-SDRi on held-out speakers over mixtures and over minutes, as SVG.

    E=exp/speechocean762
    python -m recipes.speechocean762.studies.curve \\
        $E/extraction/metrics.jsonl $E/joint/metrics.jsonl FOLDER

Logs of trainings that followed each other make one curve. Writes `curve_mixtures.svg` and
`curve_minutes.svg`: held-out speakers, and the training mixtures beside them.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.charts import Curve, line_chart, save
from analysis.report.training import read_log, training_curves
from joint.errors import DataError
from joint.terminal import errors_in_one_line

FIGURE = "extraction/si_sdr_improvement_db"
AXES = {"mixtures": ("scenes", "mixtures seen"), "minutes": ("minutes", "minutes of training")}


def curves(rows: Sequence[Mapping[str, Any]], counter: str) -> list[Curve]:
    """Held-out and training SI-SDRi over `counter`; raises DataError where a log lacks one."""
    training, validation = training_curves(rows, counter)
    if FIGURE not in training or FIGURE not in validation:
        raise DataError("metrics.jsonl", f"no {FIGURE}", "the log of a training with extraction")
    seen, held_out = training[FIGURE], validation[FIGURE]
    window = max(1, len(seen.x) // len(held_out.x))
    whole = len(seen.x) // window * window
    x, y = (values[:whole].reshape(-1, window).mean(axis=1) for values in (seen.x, seen.y))
    return [
        Curve("held-out speakers", held_out.x, held_out.y),
        Curve("training mixtures", x, y),
    ]


def in_turn(logs: Sequence[Path]) -> list[dict[str, Any]]:
    """The rows of trainings that began where the one before ended: counters go on.

    Raises DataError for a log that cannot be read.
    """
    rows: list[dict[str, Any]] = []
    for log in logs:
        before = {c: max((row.get(c, 0) for row in rows), default=0) for c, _ in AXES.values()}
        rows += [
            row | {c: row[c] + past for c, past in before.items() if c in row}
            for row in read_log(log)
        ]
    return rows


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", type=Path, nargs="+", metavar="LOG")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    rows = in_turn(given.logs)
    for name, (counter, label) in AXES.items():
        chart = line_chart("SI-SDR improvement", curves(rows, counter), label, "dB")
        save(chart, given.folder / f"curve_{name}.svg")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
