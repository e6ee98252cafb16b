"""VBx: planted speakers and their turns, its lower bound, its walk against enumeration."""

from itertools import pairwise, product

import numpy as np
import pytest

from joint.conversation.linkage import by_appearance
from joint.conversation.vbx import Vbx, _walk
from joint.errors import DataError

DIMENSIONS = 12


def planted(seed: int, speakers: int = 3, turns: int = 20) -> tuple[Vbx, np.ndarray, np.ndarray]:
    """A model, windows `(n, 12)` drawn from it in turns of 4 to 9, and whose each is `(n,)`."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((DIMENSIONS, DIMENSIONS))
    within = mixing @ mixing.T / DIMENSIONS + 0.2 * np.eye(DIMENSIONS)
    strong = rng.standard_normal((DIMENSIONS, DIMENSIONS))
    between = 6.0 * (strong @ strong.T / DIMENSIONS + 0.2 * np.eye(DIMENSIONS))
    mean = 10.0 * rng.standard_normal(DIMENSIONS)
    means = rng.multivariate_normal(mean, between, speakers)
    order = [n % speakers for n in range(turns)]
    labels = np.repeat(order, rng.integers(4, 10, size=turns))
    noise = rng.multivariate_normal(np.zeros(DIMENSIONS), within, len(labels))
    return Vbx(mean, between, within, threshold=0.5), means[labels] + noise, labels


@pytest.mark.parametrize("seed", range(4))
def test_planted_speakers_are_found_from_a_finer_clustering(seed: int) -> None:
    model, windows, labels = planted(seed)
    rng = np.random.default_rng(seed)
    finer = by_appearance(2 * labels + rng.integers(0, 2, size=len(labels)))
    assert finer.max() == 5
    found = model.refined(windows, finer)
    assert (found == by_appearance(labels)).mean() > 0.97 and found.max() == 2
    _, bounds = model.posteriors(windows, finer)
    assert all(later > earlier - 1e-6 for earlier, later in pairwise(bounds))


def test_wrong_windows_of_the_beginning_are_mended() -> None:
    model, windows, labels = planted(7)
    wrong = labels.copy()
    wrong[::5] = (wrong[::5] + 1) % 3
    assert (model.refined(windows, by_appearance(wrong)) == by_appearance(labels)).mean() > 0.97


def test_one_window_and_one_speaker() -> None:
    model, windows, _ = planted(0)
    assert model(windows[:1]).tolist() == [0]
    assert model(windows, 1).tolist() == [0] * len(windows)
    assert model(windows, 5).max() == 4  # a number that is given is kept


def test_what_does_not_fit() -> None:
    model, windows, labels = planted(0)
    with pytest.raises(DataError, match="embeddings of 11"):
        model.refined(windows[:, 1:], labels)
    with pytest.raises(DataError, match="speakers"):
        model(windows[:3], 4)


def test_the_walk_is_that_of_all_paths() -> None:
    rng = np.random.default_rng(3)
    fit, share, loop = rng.standard_normal((4, 3)), np.array([0.5, 0.3, 0.2]), 0.7
    move = loop * np.eye(3) + (1 - loop) * share
    paths = list(product(range(3), repeat=4))
    weights = np.array(
        [
            share[p[0]]
            * np.prod([move[a, b] for a, b in pairwise(p)])
            * np.exp(fit[range(4), p].sum())
            for p in paths
        ]
    )
    expected = np.zeros((4, 3))
    for path, weight in zip(paths, weights, strict=True):
        expected[range(4), path] += weight
    gamma, drawn, evidence = _walk(fit, share, loop)
    np.testing.assert_allclose(gamma, expected / weights.sum(), atol=1e-10)
    assert evidence == pytest.approx(np.log(weights.sum()))
    # a jump to the same speaker counts as drawn, by its part of the way there
    jumps = np.zeros(3)
    for path, weight in zip(paths, weights, strict=True):
        jumps[path[0]] += weight
        for a, b in pairwise(path):
            jumps[b] += weight * (1 - loop) * share[b] / move[a, b]
    np.testing.assert_allclose(drawn, jumps / jumps.sum(), atol=1e-10)
