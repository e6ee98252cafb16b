"""Embeddings at length one."""

import numpy as np

from joint.directions import unit


def test_lengths_are_one_and_directions_stay() -> None:
    embeddings = np.array([[3.0, 4.0], [-0.001, 0.0]])
    np.testing.assert_allclose(unit(embeddings), [[0.6, 0.8], [-1.0, 0.0]])


def test_one_embedding_is_enough() -> None:
    np.testing.assert_allclose(unit(np.array([0.0, 2.0], dtype=np.float32)), [0.0, 1.0])


def test_zeros_stay_zeros() -> None:
    assert not unit(np.zeros((2, 3))).any()
