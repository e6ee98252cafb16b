"""Learning curves of extraction: SI-SDR improvement over training mixtures and over minutes.

    E=exp/speechocean762
    python -m recipes.speechocean762.studies.learning_curve \\
        $E/extraction/metrics.jsonl $E/joint/metrics.jsonl FOLDER

The logs of successive trainings are joined to one curve. Writes `curve_mixtures.svg` and
`curve_minutes.svg` with curves of held-out speakers and of the training mixtures.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.charts import Curve, line_chart, save
from analysis.report.training import read_log, training_curves
from joint.errors import DataError
from joint.terminal import errors_in_one_line
from recipes.speechocean762.studies.command import study_parser

FIGURE = "extraction/si_sdr_improvement_db"
AXES = {"mixtures": ("scenes", "training mixtures"), "minutes": ("minutes", "minutes of training")}


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


def joined(logs: Sequence[Path]) -> list[dict[str, Any]]:
    """The rows of successive trainings, each continuing the counters of the one before.

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


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument(
        "logs", type=Path, nargs="+", metavar="LOG", help="metrics.jsonl of a training"
    )
    parser.add_argument("folder", type=Path, help="where the charts are written")
    given = parser.parse_args(arguments)
    rows = joined(given.logs)
    for name, (counter, label) in AXES.items():
        chart = line_chart("SI-SDR improvement", curves(rows, counter), label, "dB")
        save(chart, given.folder / f"curve_{name}.svg")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
