"""Drift of embeddings: what a rotation changes and what it does not."""

import numpy as np
import pytest

from analysis.drift import embedding_drift, linear_cka
from joint.errors import DataError


@pytest.fixture
def embeddings() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(200, 16))


def test_nothing_moved(embeddings: np.ndarray):
    drift = embedding_drift(embeddings, 3 * embeddings)
    assert drift["cosine_drift"] == pytest.approx(0, abs=1e-12)
    assert drift["linear_cka"] == pytest.approx(1)


def test_a_hand_worked_case():
    before = np.array([[1.0, 0.0], [0.0, 2.0]])
    after = np.array([[1.0, 0.0], [3.0, 0.0]])  # one stays, one turns by a right angle
    drift = embedding_drift(before, after)
    assert (drift["cosine_drift"], drift["cosine_drift_max"]) == (0.5, 1.0)
    assert np.isnan(drift["linear_cka"])  # afterwards all are the same


def test_a_rotation_moves_every_vector_and_keeps_the_geometry(embeddings: np.ndarray):
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(16, 16)))[0]
    drift = embedding_drift(embeddings, embeddings @ rotation)
    assert drift["cosine_drift"] > 0.5
    assert drift["linear_cka"] == pytest.approx(1)


def test_cka_is_that_of_the_kernels(embeddings: np.ndarray):
    other = np.random.default_rng(2).normal(size=(200, 5)) + embeddings[:, :5]
    centring = np.eye(200) - 1 / 200
    k = centring @ embeddings @ embeddings.T @ centring
    m = centring @ other @ other.T @ centring
    expected = (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())
    assert linear_cka(embeddings, other) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (np.ones((3, 2)), np.ones((3, 4)), "of one shape"),
        (np.ones((1, 2)), np.ones((1, 2)), "n ≥ 2"),
        (np.ones((3, 2)), np.array([[1, 1], [0, 0], [1, 1]]), "row 1"),
        (np.array([[1, 1], [1, np.nan]]), np.ones((2, 2)), "row 1"),
    ],
)
def test_bad_embeddings_are_refused(before: np.ndarray, after: np.ndarray, words: str):
    with pytest.raises(DataError, match=words):
        embedding_drift(before, after)
