"""Finished runs of a grid as one file, so that another machine can go on with the grid.

    python -m recipes.matrix.sittings keep exp/matrix runs.npz
    python -m recipes.matrix.sittings restore runs.npz exp/matrix --data data/speechocean762/test

`keep` adds figures, scores and test set of all finished runs below a grid's output to a file, and
what runs have measured for each other; `restore` writes what is not there yet: `joint ablate` takes
these runs for finished, and draws its intervals from their scores. Checkpoints are not kept. Scores
are rounded to 1/32767.
"""

import argparse
import csv
import zipfile
import zlib
from pathlib import Path

import numpy as np

from joint.errors import DataError
from joint.experiments.ablation import FIGURES, TEST
from joint.files import atomic_path, atomic_write
from joint.terminal import errors_in_one_line
from tasks.verification.evaluate import write_scores
from tasks.verification.trials import listed_trials

SCORES, ROUNDED = "scores.csv", 32767
KEPT = "a file that `keep` wrote"


def kept(output: Path) -> dict[str, np.ndarray]:
    """The files of a grid's finished runs, by their paths below `output`: figures as text, scores
    `(T,)` int16. Raises DataError where there is none."""
    found = {}
    for path in sorted(output.glob(f"*/seed*/{FIGURES}")):
        for text in (path, path.with_name(TEST)):
            if text.is_file():
                found[str(text.relative_to(output))] = np.array(text.read_text())
        scores = path.with_name(SCORES)
        try:
            with scores.open(newline="", encoding="utf-8") as file:
                values = np.array([float(row["score"]) for row in csv.DictReader(file)])
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise DataError(scores, f"not readable ({error})", "label,utt1,utt2,score") from None
        rounded = np.rint(values.clip(-1.0, 1.0) * ROUNDED).astype(np.int16)
        found[str(scores.relative_to(output))] = rounded
    if not found:
        raise DataError(output, "no finished run", f"VARIANT/seed1/{FIGURES}")
    for path in sorted(output.glob("measured/*.json")):
        found[str(path.relative_to(output))] = np.array(path.read_text())
    return found


def keep(output: Path, file: Path) -> int:
    """Add the runs below `output` to `file`; returns how many it has then. Raises DataError."""
    before = opened(file) if file.is_file() else {}
    whole = {**before, **kept(output)}
    with atomic_path(file) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **whole)  # type: ignore[arg-type]
    return sum(name.endswith(FIGURES) for name in whole)


def restore(file: Path, output: Path, data: str) -> int:
    """Write the runs of `file` that are not below `output`; returns how many. Raises DataError,
    also where the scores are not those of the trials of `data`."""
    trials, written = listed_trials(data), 0
    whole = opened(file)
    for name, values in whole.items():
        if name.endswith(SCORES) and len(values) != len(trials.labels):
            found = f"{len(trials.labels)} trials"
            raise DataError(data, found, f"the {len(values)} of {file}")
    for name, values in whole.items():
        path = output / name
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(SCORES):
            write_scores(path, trials, values / ROUNDED)
        else:
            atomic_write(path, str(values))
            written += name.endswith(FIGURES)
    return written


def opened(file: Path) -> dict[str, np.ndarray]:
    """The content of a file that `keep` wrote. Raises DataError."""
    try:
        content = np.load(file, allow_pickle=False)
        if not isinstance(content, np.lib.npyio.NpzFile):
            raise DataError(file, "one array", KEPT)
        with content:
            whole = {name: content[name] for name in content.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(file, f"not readable ({error})", KEPT) from None
    for name in whole:
        inside = not Path(name).is_absolute() and ".." not in Path(name).parts
        if not inside or not name.endswith((SCORES, ".json")):
            raise DataError(file, f"the entry {name!r}", KEPT)
    return whole


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser("python -m recipes.matrix.sittings", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    keeping = actions.add_parser("keep")
    keeping.add_argument("output", type=Path, metavar="GRID_OUTPUT")
    keeping.add_argument("file", type=Path, metavar="FILE")
    restoring = actions.add_parser("restore")
    restoring.add_argument("file", type=Path, metavar="FILE")
    restoring.add_argument("output", type=Path, metavar="GRID_OUTPUT")
    restoring.add_argument("--data", required=True, metavar="DIR")
    given = parser.parse_args()
    if given.action == "keep":
        print(f"{given.file}: {keep(given.output, given.file)} runs")
    else:
        restored = restore(given.file, given.output, given.data)
        print(f"{given.output}: {restored} runs restored")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
