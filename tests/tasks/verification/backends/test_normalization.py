"""Normalised scores equal their definition, trial by trial."""

import numpy as np
import pytest

from joint.errors import DataError
from tasks.verification.backends import normalization
from tasks.verification.backends.normalization import cohort_statistics, normalize, speaker_means
from tasks.verification.backends.scoring import Backend, score_trials


@pytest.mark.parametrize("top", [None, 7], ids=["S-norm", "AS-norm"])
def test_equals_the_definition(top: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normalization, "ROWS", 4)  # several blocks
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(10, 6)).astype(np.float32)
    cohort = rng.normal(size=(30, 6)).astype(np.float32)
    first, second = rng.integers(10, size=25), rng.integers(10, size=25)
    backend = Backend()
    raw = score_trials(backend, embeddings, first, second)
    found = normalize(raw, cohort_statistics(backend, embeddings, cohort, top), first, second)

    def unit(x: np.ndarray) -> np.ndarray:
        return x / np.linalg.norm(x)

    for t in range(25):
        sides = []
        for row in (first[t], second[t]):
            scores = np.sort([unit(embeddings[row]) @ unit(c) for c in cohort])[::-1][:top]
            sides.append((raw[t] - scores.mean()) / scores.std())
        assert found[t] == pytest.approx(np.mean(sides), abs=1e-4)


def test_a_cohort_that_does_not_fit() -> None:
    embeddings = np.ones((3, 6), dtype=np.float32)
    with pytest.raises(DataError, match=r"shape \(9, 5\); expected \(m, 6\)"):
        cohort_statistics(Backend(), embeddings, np.ones((9, 5)))
    with pytest.raises(DataError, match="cohort: found 9 embeddings; expected at least 10"):
        cohort_statistics(Backend(), embeddings, np.ones((9, 6)), top=10)


def test_one_row_a_speaker() -> None:
    embeddings = np.array([[2.0, 0.0], [0.0, 5.0], [0.0, 1.0]])
    found = speaker_means(embeddings, np.array(["a", "a", "b"]))
    np.testing.assert_allclose(found, [[0.5, 0.5], [0.0, 1.0]])
