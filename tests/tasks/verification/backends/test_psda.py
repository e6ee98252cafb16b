"""PSDA: Bessel functions against mpmath's, scores against an integral, training against draws."""

import mpmath
import numpy as np
import pytest
from scipy.stats import vonmises, vonmises_fisher

from tasks.verification.backends.psda import Psda, concentration, log_bessel, mean_length
from tasks.verification.backends.scoring import score_matrix, score_trials


@pytest.mark.parametrize("order", [0.0, 4.5, 8.0, 95.0, 255.0])
@pytest.mark.parametrize("x", [0.01, 1.0, 30.0, 500.0, 20_000.0])
def test_bessel_function(order: float, x: float) -> None:
    with mpmath.workdps(40):
        expected = float(mpmath.log(mpmath.besseli(order, x)))
    assert log_bessel(order, np.array(x)) == pytest.approx(expected, rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("size", [3, 192, 512])
@pytest.mark.parametrize("kappa", [2.0, 80.0, 900.0])
def test_concentration_undoes_mean_length(size: int, kappa: float) -> None:
    length = float(mean_length(np.array(kappa), size))
    assert 0.0 < length < 1.0
    assert concentration(length, size) == pytest.approx(kappa, rel=1e-3)


def test_scores_equal_the_integral_over_speakers() -> None:
    """In two dimensions a direction is an angle, and a grid of angles is the integral."""
    backend = Psda()
    backend.mean, backend.between, backend.within = np.array([1.0, 0.0]), 1.3, 7.0
    grid = np.linspace(-np.pi, np.pi, 20_000, endpoint=False)
    prior = vonmises.pdf(grid, backend.between) * (2 * np.pi / len(grid))
    angles = np.array([0.3, -0.4, 2.5, 0.1])
    density = [vonmises.pdf(angle, backend.within, loc=grid) for angle in angles]
    embeddings = 3.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    first, second = np.array([0, 0, 2]), np.array([1, 2, 3])
    expected = [
        np.log((density[a] * density[b] * prior).sum())
        - np.log((density[a] * prior).sum() * (density[b] * prior).sum())
        for a, b in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(
        score_trials(backend, embeddings, first, second), expected, atol=1e-6
    )
    prepared = backend.prepare(embeddings)
    matrix = score_matrix(backend, prepared, prepared)
    np.testing.assert_allclose(matrix[first, second], expected, atol=1e-6)


def test_training_finds_the_model_that_drew_the_data() -> None:
    rng, size = np.random.default_rng(0), 16
    middle = np.eye(size)[3]
    speakers = vonmises_fisher(middle, 20.0).rvs(800, random_state=rng)
    labels = np.repeat(np.arange(len(speakers)), 5)
    embeddings = np.concatenate(
        [vonmises_fisher(speaker, 90.0).rvs(5, random_state=rng) for speaker in speakers]
    )
    found = Psda().fit(embeddings, labels)
    assert found.mean @ middle > 0.99
    assert found.between == pytest.approx(20.0, rel=0.1)
    assert found.within == pytest.approx(90.0, rel=0.05)
