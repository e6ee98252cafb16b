"""Planted speakers are found and counted; enrolled ones are named, unknown ones are not."""

import time
from functools import partial
from itertools import islice

import numpy as np
import pytest

from joint.conversation.clustering import clustered, number_of_speakers, spectral
from joint.conversation.linkage import Clusters, agglomerative, by_appearance, cuts, merges
from joint.conversation.naming import assign, attribute
from joint.directions import unit
from joint.errors import DataError

THRESHOLD = 0.25
LINKED = partial(agglomerative, threshold=THRESHOLD)
CLUSTERED = partial(clustered, threshold=THRESHOLD)
CLUSTERERS = (spectral, LINKED, CLUSTERED)


def planted(speakers: int, each: int, noise: float = 0.08, seed: int = 0) -> np.ndarray:
    """`(speakers * each, 96)`: directions at random, each with noise of its windows' own."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(speakers, 96))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    return np.repeat(centres, each, axis=0) + noise * random.normal(size=(speakers * each, 96))


@pytest.mark.parametrize("speakers", [1, 2, 3, 4])
@pytest.mark.parametrize("cluster", CLUSTERERS)
def test_the_number_is_found(cluster, speakers: int) -> None:  # type: ignore[no-untyped-def]
    for seed in range(5):
        for each in (6, 15):
            found = cluster(planted(speakers, each, seed=seed))
            assert found.tolist() == np.repeat(np.arange(speakers), each).tolist(), (seed, each)


@pytest.mark.parametrize("cluster", CLUSTERERS)
def test_the_number_is_given(cluster) -> None:  # type: ignore[no-untyped-def]
    order = np.random.default_rng(3).permutation(36)
    truth = by_appearance(np.repeat(np.arange(3), 12)[order])
    assert (cluster(planted(3, 12)[order], 3) == truth).all()
    assert set(cluster(planted(3, 12), 2)) == {0, 1}
    assert set(cluster(planted(3, 12), 1)) == {0}
    assert cluster(planted(2, 1), 2).tolist() == [0, 1]
    assert cluster(planted(1, 1), 1).tolist() == cluster(planted(1, 1)).tolist() == [0]


def test_unequal_shares() -> None:
    embeddings = np.concatenate([planted(2, 25)[:30], planted(3, 10, seed=9)[20:]])
    truth = [0] * 25 + [1] * 5 + [2] * 10
    assert LINKED(embeddings).tolist() == CLUSTERED(embeddings).tolist() == truth
    assert spectral(embeddings, 3).tolist() == truth


def test_a_window_alone_is_nobody() -> None:
    noisy = np.concatenate([planted(2, 8), planted(1, 1, seed=5)])
    assert set(LINKED(noisy)) == {0, 1, 2} and number_of_speakers(noisy, THRESHOLD) == 2
    assert CLUSTERED(noisy)[:16].tolist() == [0] * 8 + [1] * 8
    assert number_of_speakers(planted(2, 1), THRESHOLD) == 1


@pytest.mark.parametrize("cluster", CLUSTERERS)
def test_what_is_refused(cluster) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match="0 windows"):
        cluster(np.zeros((0, 4)))
    with pytest.raises(DataError, match="3 windows for 4 speakers"):
        cluster(planted(3, 1), 4)


def long_session(windows: int, speakers: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings `(windows, 192)` of turns of 20 windows, and the speaker of each."""
    random = np.random.default_rng(windows)
    centres = random.normal(size=(speakers, 192))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    truth = np.repeat(random.integers(0, speakers, size=windows // 20), 20)
    return centres[truth] + 0.08 * random.normal(size=(windows, 192)), by_appearance(truth)


@pytest.mark.parametrize("known", [{"speakers": 4}, {"threshold": THRESHOLD}])
def test_a_session_of_two_hours(known: dict[str, float]) -> None:
    """Dense spectral clustering took 148 s for a quarter of it."""
    embeddings, truth = long_session(9600)
    begin = time.process_time()
    found = clustered(embeddings, **known)  # type: ignore[arg-type]
    assert time.process_time() - begin < 10.0
    assert (found == truth).all()


def test_outliers_are_no_speakers_of_a_long_session() -> None:
    embeddings, truth = long_session(2400)
    random = np.random.default_rng(5)
    outliers = random.choice(2400, 40, replace=False)
    embeddings[outliers] = random.normal(size=(40, 192))
    kept = np.setdiff1d(np.arange(2400), outliers)
    for known in ({"speakers": 4}, {"threshold": THRESHOLD}):
        found = clustered(embeddings, **known)  # type: ignore[arg-type]
        assert set(found) == {0, 1, 2, 3}
        assert (by_appearance(found[kept]) == by_appearance(truth[kept])).all()


def test_many_speakers_of_a_long_session() -> None:
    embeddings, truth = long_session(4000, speakers=20)
    assert (clustered(embeddings, 20) == truth).all()
    assert (CLUSTERED(embeddings) == truth).all()


def test_linkage_of_clusters_equals_that_of_their_members() -> None:
    """Average linkage of weighted clusters goes on where that of the embeddings stopped."""
    embeddings = planted(5, 8, noise=0.2)
    begun = agglomerative(embeddings, 12)
    clusters = Clusters.of(unit(embeddings), begun)
    *_, (_, group) = islice(cuts(clusters, merges(clusters)), 12 - 4)
    np.testing.assert_array_equal(by_appearance(group[begun]), agglomerative(embeddings, 4))


def test_numbers_by_appearance() -> None:
    assert by_appearance(np.array([5, 5, 2, 7, 2, 5])).tolist() == [0, 0, 1, 2, 1, 0]


def test_attribution() -> None:
    embeddings = planted(3, 4)
    enrolled = {"Anna": embeddings[:2], "Ben": 7.0 * embeddings[4]}  # one recording may be `(E,)`
    asked = np.stack([embeddings[2], embeddings[5], embeddings[9]])
    assert attribute(asked, enrolled, 0.4) == ["Anna", "Ben", None]
    assert attribute(asked, enrolled)[:2] == ["Anna", "Ben"]
    assert attribute(asked, enrolled)[2] in ("Anna", "Ben")
    # the mean cosine with the recordings, not the cosine with their mean, which is higher
    two = {"Anna": np.array([[1.0, 0.0], [0.0, 1.0]])}
    diagonal = np.array([[3.0, 3.0]])
    assert attribute(diagonal, two, 0.70) == ["Anna"] and attribute(diagonal, two, 0.71) == [None]
    with pytest.raises(DataError, match="no speakers"):
        attribute(asked, {})
    with pytest.raises(DataError, match=r"\(n, 3\)"):
        attribute(asked, {"Anna": np.ones(3)})


def test_assignment_names_everybody_once() -> None:
    enrolled = {"Anna": np.array([1.0, 0.0, 0.0]), "Ben": np.array([0.0, 1.0, 0.0])}
    both = np.array([[0.9, 0.1, 0.0], [0.8, 0.6, 0.0]])  # the nearest of either is Anna
    assert attribute(both, enrolled) == ["Anna", "Anna"]
    assert assign(both, enrolled) == ["Anna", "Ben"] and assign(both[::-1], enrolled)[0] == "Ben"
    unknown = np.array([[0.0, 0.0, 1.0]])
    assert assign(np.concatenate([unknown, both]), enrolled, 0.1) == [None, "Anna", "Ben"]
    # a score below the threshold does not cost another embedding its name
    shy = np.array([[0.8, 0.42, 0.43], [0.3, -0.2, 0.93]])
    assert assign(shy, enrolled, 0.4) == ["Anna", None]
    assert assign(both[:0], enrolled) == []
    with pytest.raises(DataError, match="no speakers"):
        assign(both, {})
