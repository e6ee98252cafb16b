"""How a figure changes with processor time, a curve for each system.

python -m tests.benchmarks.training.curves OUT.svg "EER %"
    --grid "ours=exp/speechocean762/budgets:eer_percent" --points "WeSpeaker=20:8.00,30:7.23"
python -m tests.benchmarks.training.curves OUT.svg "SI-SDR improvement, dB"
    --log "ours=exp/X/metrics.jsonl:extraction/si_sdr_improvement_db" --log …
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml

from analysis.charts import Curve, line_chart, save
from analysis.report.training import read_log, training_curves

Points = list[tuple[float, float]]
"""Minutes of one core, figure."""


def of_grid(given: str) -> Points:
    """FOLDER:FIGURE, a point for each finished run of a grid of budgets."""
    folder, figure = given.rsplit(":", 1)
    found = []
    for path in Path(folder).glob("*/seed*/figures.json"):
        recipe = yaml.safe_load((path.parent / "recipe.yaml").read_text())
        found.append((recipe["trainer"]["max_minutes"], json.loads(path.read_text())[figure]))
    return sorted(found)


def of_log(given: str) -> Points:
    """LOG:FIGURE, what a training measured on held-out speakers on its way."""
    log, figure = given.rsplit(":", 1)
    held_out = training_curves(read_log(Path(log)), "minutes")[1][figure]
    return [(float(x), float(y)) for x, y in zip(held_out.x, held_out.y, strict=True)]


def of_text(given: str) -> Points:
    """MINUTES:FIGURE,MINUTES:FIGURE…, measured elsewhere."""
    return [(float(x), float(y)) for x, y in (pair.split(":") for pair in given.split(","))]


SOURCES: dict[str, Callable[[str], Points]] = {"grid": of_grid, "log": of_log, "points": of_text}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks.training.curves")
    parser.add_argument("output", type=Path)
    parser.add_argument("title", help="what is measured, with its unit")
    for name, source in SOURCES.items():
        parser.add_argument(
            f"--{name}", action="append", default=[], metavar="NAME=WHERE", help=source.__doc__
        )
    given = parser.parse_args()
    curves = []
    for name, source in SOURCES.items():
        for system, where in (text.split("=", 1) for text in getattr(given, name)):
            points = np.array(source(where))
            curves.append(Curve(system, points[:, 0], points[:, 1]))
    save(line_chart(given.title, curves, "minutes of one core", given.title), given.output)


if __name__ == "__main__":
    main()
