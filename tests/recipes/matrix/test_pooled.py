"""Changes of the EER over all tasks of the matrix."""

from pathlib import Path

import numpy as np
import pytest

from joint.errors import DataError
from recipes.matrix.pooled import TASKS, pooled
from tasks.verification.evaluate import write_scores
from tasks.verification.trials import Trials


def test_tasks_are_pooled(embedded_corpus: Path, tmp_path: Path) -> None:
    data = embedded_corpus / "test"
    trials = Trials.load(data / "trials")
    rng = np.random.default_rng(0)

    def run(variant: str, noise: float) -> None:
        (tmp_path / variant / "seed1").mkdir(parents=True)
        scores = trials.labels + noise * rng.standard_normal(len(trials.labels))
        write_scores(tmp_path / variant / "seed1" / "scores.csv", trials, scores)

    with pytest.raises(DataError, match="no finished runs"):
        pooled(tmp_path, str(data))
    run("extraction, frozen", 0.6)
    for task in TASKS[:2]:  # the others have not been run
        run(f"{task}, joint", 1.2)
        run(f"{task} and verification", 0.9)
    (worse_runs, worse), (_, held), (_, gain) = pooled(tmp_path, str(data)).values()
    assert worse_runs == 2 and worse.percent > held.percent > 0.0 > gain.percent
    assert worse.low > 0.0 and gain.low < gain.percent < gain.high
