"""Scores of trial lists equal those of one pair at a time, whatever way they are computed."""

from pathlib import Path

import numpy as np
import pytest

from tasks.verification.backends import scoring
from tasks.verification.backends.plda import Plda
from tasks.verification.backends.scoring import Backend, score_trials


@pytest.fixture(scope="module")
def embeddings() -> np.ndarray:
    rng = np.random.default_rng(0)
    people = rng.normal(size=(12, 1, 5)) + 0.3 * rng.normal(size=(12, 4, 5))
    return people.reshape(48, 5).astype(np.float32)


def backends(embeddings: np.ndarray) -> list[Backend]:
    return [Backend(), Plda().fit(embeddings, np.arange(48) // 4)]


@pytest.mark.parametrize("pairs_a_trial", [0, 10**9], ids=["gathered", "tiled"])
@pytest.mark.parametrize("kind", [0, 1], ids=["cosine", "PLDA"])
def test_equal_to_one_at_a_time(
    embeddings: np.ndarray, kind: int, pairs_a_trial: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "PAIRS_A_TRIAL", pairs_a_trial)
    monkeypatch.setattr(scoring, "SIDE", 7)
    monkeypatch.setattr(scoring, "BLOCK", 16)
    backend = backends(embeddings)[kind]
    rng = np.random.default_rng(1)
    first, second = rng.integers(3, 40, size=200), rng.integers(5, 48, size=200)
    found = score_trials(backend, embeddings, first, second)
    for t in range(200):
        a, b = (backend.prepare(embeddings[[row]]) for row in (first[t], second[t]))
        alone = backend.combine((a.first * b.second).sum(axis=1), a.own, b.own)
        assert found[t] == pytest.approx(float(alone[0]), abs=1e-5, rel=1e-5)
    assert score_trials(backend, embeddings, first[:0], second[:0]).shape == (0,)


def test_memory_stays_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc

    rng = np.random.default_rng(2)
    stored = np.lib.format.open_memmap(tmp_path / "e.npy", "w+", np.float32, (60_000, 64))
    for start in range(0, 60_000, 10_000):
        stored[start : start + 10_000] = rng.normal(size=(10_000, 64))
    stored.flush()
    mapped = np.load(tmp_path / "e.npy", mmap_mode="r")
    monkeypatch.setattr(scoring, "BLOCK", 1024)
    first, second = rng.integers(60_000, size=5_000), rng.integers(60_000, size=5_000)
    tracemalloc.start()
    found = score_trials(Backend(), mapped, first, second)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.3 * mapped.nbytes
    a, b = mapped[first[7]], mapped[second[7]]
    assert found[7] == pytest.approx(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)), abs=1e-6)
