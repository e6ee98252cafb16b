"""Gain per mixture seen: SI-SDRi on held-out speakers over mixtures and over minutes, as SVG.

    python -m recipes.speechocean762.curve exp/speechocean762/joint/metrics.jsonl FOLDER

Writes `curve_mixtures.svg` and `curve_minutes.svg`: held-out speakers, and the training mixtures
beside them.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.report_charts import Curve, line_chart
from analysis.report_training import VALIDATION, read_log
from joint.errors import DataError
from joint.files import atomic_write

FIGURE = "extraction/si_sdr_improvement_db"
AXES = {"mixtures": ("scenes", "mixtures seen"), "minutes": ("minutes", "minutes of training")}


def curves(rows: Sequence[Mapping[str, Any]], counter: str) -> list[Curve]:
    """Held-out and training SI-SDRi over `counter`; raises DataError where a log has neither."""
    held_out = [
        (r[counter], r[VALIDATION][FIGURE]) for r in rows if FIGURE in r.get(VALIDATION, {})
    ]
    seen = [(r[counter], r[FIGURE]) for r in rows if FIGURE in r]
    if not held_out or not seen:
        raise DataError("metrics.jsonl", f"no {FIGURE}", "the log of a training with extraction")
    window = max(1, len(seen) // len(held_out))
    blocks = [seen[i : i + window] for i in range(0, len(seen) - window + 1, window)]
    means = [tuple(np.mean(block, axis=0)) for block in blocks]
    return [
        Curve("held-out speakers", *np.asarray(held_out, dtype=float).T),
        Curve("training mixtures", *np.asarray(means, dtype=float).T),
    ]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    rows = read_log(given.log)
    for name, (counter, label) in AXES.items():
        chart = line_chart("SI-SDR improvement", curves(rows, counter), label, "dB")
        atomic_write(given.folder / f"curve_{name}.svg", chart)


if __name__ == "__main__":
    main()
