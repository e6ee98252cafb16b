"""UMAP and HDBSCAN: one speaker is one cluster, several are several; and average linkage beside."""

import numpy as np
import pytest

from joint.conversation.blockwise import linked
from joint.conversation.clustering import Cluster
from joint.conversation.density import FEWEST, umap_hdbscan
from joint.directions import unit
from joint.errors import DataError


def windows(speakers: int, each: int, seed: int = 0, noise: float = 0.5) -> np.ndarray:
    """Embeddings `(speakers · each, 32)` around a direction a speaker, one after the other."""
    draw = np.random.default_rng(seed)
    centres = unit(draw.normal(size=(speakers, 32)))
    return np.concatenate(
        [unit(c + noise * draw.normal(size=(each, 32)) / np.sqrt(32)) for c in centres]
    )


def plain(units: np.ndarray) -> np.ndarray:
    """In place of UMAP: principal components."""
    left, values, _ = np.linalg.svd(units - units.mean(axis=0), full_matrices=False)
    found: np.ndarray = (left * values)[:, :4]
    return found


def torn(units: np.ndarray) -> np.ndarray:
    """A projection that divides what is one, as UMAP does: two far halves."""
    points = plain(units)
    points[::2] += 100.0
    return points


def density(embeddings: np.ndarray, speakers: int | None = None) -> np.ndarray:
    return umap_hdbscan(embeddings, speakers, 0.5, project=plain)


@pytest.mark.parametrize("cluster", [density, lambda e, n: linked(e, n, 0.5)])
@pytest.mark.parametrize("speakers", [1, 2, 4])
def test_planted_speakers(cluster: Cluster, speakers: int) -> None:
    embeddings = windows(speakers, 20)
    expected = np.repeat(np.arange(speakers), 20)
    np.testing.assert_array_equal(cluster(embeddings, None), expected)
    np.testing.assert_array_equal(cluster(embeddings, speakers), expected)


def test_one_speaker_whom_the_projection_divides() -> None:
    assert not umap_hdbscan(windows(1, 40), None, 0.5, project=torn).any()
    assert umap_hdbscan(windows(1, 40), 2, project=torn).max() == 1


def test_a_given_number_is_kept() -> None:
    embeddings = windows(4, 20)
    for number in (1, 2, 3, 6):
        assert umap_hdbscan(embeddings, number, project=plain).max() + 1 == number


def test_few_windows_and_bad_input() -> None:
    few = windows(2, FEWEST // 2 - 1)
    np.testing.assert_array_equal(umap_hdbscan(few, None, 0.5), np.repeat([0, 1], len(few) // 2))
    assert umap_hdbscan(few[:1], None, 0.5).tolist() == [0]
    for cluster in (umap_hdbscan, linked):
        with pytest.raises(DataError, match="0 windows"):
            cluster(few[:0], None, 0.5)
        with pytest.raises(DataError, match="no threshold"):
            cluster(few)
        with pytest.raises(DataError, match="for 99 speakers"):
            cluster(few, 99)


def test_umap_itself() -> None:
    pytest.importorskip("umap")
    assert not umap_hdbscan(windows(1, 60), None, 0.5).any()
    found = umap_hdbscan(windows(3, 20), None, 0.5)
    np.testing.assert_array_equal(found, np.repeat(np.arange(3), 20))


def test_without_umap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "umap", None)
    with pytest.raises(DataError, match="joint-speaker\\[umap\\]"):
        umap_hdbscan(windows(2, 20), None, 0.5)
