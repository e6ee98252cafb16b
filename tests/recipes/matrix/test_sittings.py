"""Runs of a grid kept in one file, and restored."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from joint.data.opening import open_corpus
from joint.errors import DataError
from joint.experiments.ablation import Run
from joint.experiments.statistics import EerChanges
from recipes.matrix.sittings import keep, restore
from tasks.verification.evaluate import write_scores
from tasks.verification.trials import Trials

EER, NONE = {"eer_percent": 5.25, "of": None}, "no finished run"


@pytest.fixture
def data(embedded_corpus: Path) -> Path:
    return embedded_corpus / "test"


def finished(output: Path, data: Path, variant: str, seed: int) -> np.ndarray:
    """A run's folder as `joint ablate` leaves it; returns its scores."""
    folder = output / variant / f"seed{seed}"
    folder.mkdir(parents=True)
    trials = Trials.load(data / "trials")
    scores = np.random.default_rng(seed).uniform(-1.0, 1.0, len(trials.labels))
    write_scores(folder / "scores.csv", trials, scores)
    (folder / "figures.json").write_text(json.dumps(EER))
    if seed == 1:  # earlier ones had none
        (folder / "test.json").write_text(json.dumps({"trials": "0a"}))
    return scores


def test_a_grid_goes_on_elsewhere(tmp_path: Path, data: Path) -> None:
    here, there, file = tmp_path / "here", tmp_path / "there", tmp_path / "runs.npz"
    scores = finished(here, data, "extraction, joint", 1)
    (here / "measured").mkdir()
    (here / "measured" / "encoder-0.json").write_text("{}")
    assert keep(here, file) == 1
    finished(here, data, "extraction, joint", 2)
    assert keep(here, file) == 2
    finished(there, data, "extraction, joint", 2)
    mine = there / "extraction, joint" / "seed2" / "figures.json"
    mine.write_text("{}")
    assert restore(file, there, str(data)) == 1
    assert mine.read_text() == "{}"  # what is there stays
    first = there / "extraction, joint" / "seed1"
    assert json.loads((first / "figures.json").read_text()) == EER
    assert json.loads((first / "test.json").read_text()) == {"trials": "0a"}
    with (first / "scores.csv").open() as rows:
        found = [float(row["score"]) for row in csv.DictReader(rows)]
    np.testing.assert_allclose(found, scores, atol=2e-5)
    assert (there / "measured" / "encoder-0.json").read_text() == "{}"


def test_intervals_are_drawn_from_restored_scores(tmp_path: Path, data: Path) -> None:
    here, there, file = tmp_path / "here", tmp_path / "there", tmp_path / "runs.npz"
    changes = []
    for variant in ("before", "after"):
        finished(here, data, variant, len(variant))
    for output in (here, there):
        if output == there:
            keep(here, file)
            restore(file, there, str(data))
        runs = [
            Run(variant, 1, output / variant / f"seed{len(variant)}", {}, "before")  # type: ignore[arg-type]
            for variant in ("before", "after")
        ]
        changes.append(EerChanges(open_corpus(data)).between(runs)["after"])
    assert changes[0] == changes[1]


def test_refusals(tmp_path: Path, data: Path) -> None:
    with pytest.raises(DataError, match=NONE):
        keep(tmp_path, tmp_path / "runs.npz")
    assert not (tmp_path / "runs.npz").exists()
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(DataError, match="not readable"):
        restore(tmp_path / "text.npz", tmp_path / "out", str(data))
    (tmp_path / "zip.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(DataError, match="not readable"):
        restore(tmp_path / "zip.npz", tmp_path / "out", str(data))
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(DataError, match="one array"):
        restore(tmp_path / "array.npy", tmp_path / "out", str(data))
    np.savez(tmp_path / "outside.npz", **{"../figures.json": np.array("{}")})  # type: ignore[arg-type]
    with pytest.raises(DataError, match="the entry"):
        restore(tmp_path / "outside.npz", tmp_path / "out", str(data))
    folder = tmp_path / "grid" / "a" / "seed1"
    folder.mkdir(parents=True)
    (folder / "scores.csv").write_text("label,utt1,utt2,score\n1,a,b,0.5\n")
    (folder / "figures.json").write_text("{}")
    keep(tmp_path / "grid", tmp_path / "one.npz")
    with pytest.raises(DataError, match="the 1 of"):
        restore(tmp_path / "one.npz", tmp_path / "out", str(data))
    assert not (tmp_path / "out").exists()
