"""Changes against a baseline say from how many seeds they are."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from joint.experiments.ablation import Run
from joint.experiments.statistics import EerChanges


@pytest.mark.parametrize("seeds, text", [((1,), "one seed: speakers only"), ((1, 2), "2 seeds")])
def test_the_number_of_seeds(tmp_path: Path, seeds: tuple[int, ...], text: str) -> None:
    changes = EerChanges(SimpleNamespace(utterances=[], where="test"))  # type: ignore[arg-type]
    runs = []
    # the baseline of the last seed has not run
    for variant, own in (("before", seeds), ("after", (*seeds, 9))):
        for seed in own:
            run = Run(variant, seed, tmp_path / variant / str(seed), {}, "before")  # type: ignore[arg-type]
            run.folder.mkdir(parents=True)
            run.scores.touch()
            changes.drawn[run.scores] = np.full(50, 5.0 if variant == "before" else 6.0)
            runs.append(run)
    assert changes.between(runs) == {"after": f"+20.0 % [+20.0, +20.0] ({text})"}
