"""How the EER changes where a task trains the encoder, over all tasks and seeds of the matrix.

    python -m recipes.matrix.pooled exp/matrix data/speechocean762/test

Each run is compared with the start, and each with a speaker loss with that of the same task and
seed without. The 95 % intervals are of a bootstrap over speakers, and over the runs: tasks count as
seeds do.
"""

import argparse
from pathlib import Path

from joint.data.opening import open_corpus
from joint.errors import DataError
from joint.experiments.statistics import EerChanges
from joint.metrics.bootstrap import Change
from joint.terminal import errors_in_one_line

TASKS = ("extraction", "recognition", "synthesis", "conversion")
START, JOINT, BESIDE = "extraction, frozen", "{task}, joint", "{task} and verification"
COMPARED = {
    "joint, against the start": (START, JOINT),
    "joint with a speaker loss, against the start": (START, BESIDE),
    "joint with a speaker loss, against joint without": (JOINT, BESIDE),
}


def pooled(output: Path, data: str) -> dict[str, tuple[int, Change]]:
    """Of each comparison the number of pairs of runs below a grid's `output` that have scores on
    the trials of `data`, and the change of their mean EER. Raises DataError where there is no
    pair."""
    changes, found = EerChanges(open_corpus(data)), {}
    for name, pair in COMPARED.items():
        runs = [
            [folder / "scores.csv" for folder in folders]
            for folders in (
                [output / one.format(task=task) / seed for one in pair]
                for task in TASKS
                for seed in sorted(path.name for path in output.glob(f"{START}/seed*"))
            )
        ]
        runs = [both for both in runs if all(path.is_file() for path in both)]
        if not runs:
            raise DataError(output, "no finished runs", f"scores of {' and '.join(pair)}")
        before, after = zip(*runs, strict=True)
        found[name] = len(runs), changes.change(before, after)
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser("python -m recipes.matrix.pooled", description=__doc__)
    parser.add_argument("output", type=Path, metavar="GRID_OUTPUT")
    parser.add_argument("data", metavar="DIR")
    given = parser.parse_args()
    for name, (runs, change) in pooled(given.output, given.data).items():
        print(f"{name}: {change}, {runs} pairs of runs")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
