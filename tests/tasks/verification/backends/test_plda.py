"""PLDA: scores equal the densities' ratio; training finds the model that drew the data."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, wishart

from joint.errors import DataError
from tasks.verification.backends.plda import Plda
from tasks.verification.backends.scoring import score_matrix, score_trials

SIZE = 5


def model(seed: int = 0) -> Plda:
    plda = Plda()
    plda.mean = np.random.default_rng(seed).normal(size=SIZE)
    plda.between = wishart(8, np.eye(SIZE) / 8).rvs(random_state=seed)
    plda.within = 0.5 * wishart(9, np.eye(SIZE) / 9).rvs(random_state=seed + 1)
    return plda


def drawn(plda: Plda, speakers: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of so many speakers, 2 to 9 of each."""
    rng = np.random.default_rng(seed)
    points = rng.multivariate_normal(plda.mean, plda.between, size=speakers)
    labels = np.repeat(np.arange(speakers), rng.integers(2, 10, size=speakers))
    noise = rng.multivariate_normal(np.zeros(SIZE), plda.within, size=len(labels))
    return points[labels] + noise, labels


def test_scores_are_log_likelihood_ratios() -> None:
    plda = model()
    embeddings, _ = drawn(plda, 4, seed=1)
    total, between = plda.between + plda.within, plda.between
    same = multivariate_normal(
        np.tile(plda.mean, 2), np.block([[total, between], [between, total]])
    )
    alone = multivariate_normal(plda.mean, total)
    first, second = np.array([0, 1, 2, 5]), np.array([1, 4, 7, 5])
    expected = [
        same.logpdf(np.hstack([embeddings[a], embeddings[b]]))
        - alone.logpdf(embeddings[a])
        - alone.logpdf(embeddings[b])
        for a, b in zip(first, second, strict=True)
    ]
    found = score_trials(plda, embeddings, first, second)
    np.testing.assert_allclose(found, expected, atol=1e-8)
    prepared = plda.prepare(embeddings)
    np.testing.assert_allclose(
        score_matrix(plda, prepared, prepared)[first, second], expected, atol=1e-8
    )


def test_training_finds_the_model_that_drew_the_data() -> None:
    true = model()
    embeddings, labels = drawn(true, 3000, seed=2)
    found = Plda().fit(embeddings, labels, iterations=30)
    size = np.abs(true.between).max()
    assert np.abs(found.mean - true.mean).max() < 0.05
    assert np.abs(found.between - true.between).max() < 0.08 * size
    assert np.abs(found.within - true.within).max() < 0.03 * size


def test_training_raises_the_likelihood() -> None:
    embeddings, labels = drawn(model(), 60, seed=3)

    def likelihood(plda: Plda) -> float:
        total = 0.0
        for speaker in np.unique(labels):
            own = embeddings[labels == speaker]
            covariance = np.kron(np.ones((len(own), len(own))), plda.between)
            covariance += np.kron(np.eye(len(own)), plda.within)
            density = multivariate_normal(np.tile(plda.mean, len(own)), covariance)
            total += float(density.logpdf(own.ravel()))
        return total

    values = [likelihood(Plda().fit(embeddings, labels, iterations=n)) for n in (0, 1, 2, 5, 20)]
    assert values == sorted(values) and values[-1] > values[0] + 1.0


def test_data_that_no_plda_can_learn_from() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="one utterance of each speaker"):
        Plda().fit(rng.normal(size=(6, 3)), np.arange(6))
    with pytest.raises(DataError, match="1 speakers; expected at least two"):
        Plda().fit(rng.normal(size=(6, 3)), np.zeros(6))
    with pytest.raises(DataError, match=r"of rank \d in 8 dimensions; expected more utterances"):
        Plda().fit(rng.normal(size=(6, 8)), np.repeat(np.arange(3), 2))
    broken = rng.normal(size=(6, 3))
    broken[2, 1] = np.nan
    with pytest.raises(DataError, match="1 rows with NaN"):
        Plda().fit(broken, np.repeat(np.arange(3), 2))
