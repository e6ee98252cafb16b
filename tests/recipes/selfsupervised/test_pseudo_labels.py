"""Clusters of embeddings in the place of speakers."""

from pathlib import Path

import numpy as np
import pytest

from joint.data.opening import open_corpus
from joint.errors import DataError
from recipes.selfsupervised.pseudo_labels import clustered, pseudo_labels


def test_groups_that_are_apart() -> None:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((5, 16))
    truth = rng.integers(5, size=200)
    lengths = rng.uniform(0.2, 5.0, size=(200, 1))  # cosines do not see them
    found = clustered(lengths * (centres[truth] + 0.1 * rng.standard_normal((200, 16))), 5)
    assert {tuple(sorted(set(truth[found == c]))) for c in range(5)} == {(c,) for c in range(5)}
    with pytest.raises(DataError, match="--clusters: found 9; expected 2 to the 4 recordings"):
        clustered(np.eye(4), 9)


@pytest.mark.parametrize("clusters", [0, 9999])
def test_a_number_of_clusters_is_refused_before_the_model_is_loaded(
    clusters: int, prepared: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=f"--clusters: found {clusters}; expected 2 to the"):
        pseudo_labels(prepared / "test", tmp_path / "pseudo", "no such checkpoint", clusters)


def test_a_folder_with_clusters_for_speakers(
    prepared: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder, output = prepared / "test", tmp_path / "pseudo"
    line = pseudo_labels(folder, output, str(tiny_checkpoint), 4)
    corpus, before = open_corpus(output), open_corpus(folder)
    assert corpus.speakers == [f"cluster{i}" for i in range(4)]
    assert [u.id for u in corpus.utterances] == [u.id for u in before.utterances]
    assert "in 4 clusters; normalised mutual information with the 12 speakers" in line
    with pytest.raises(DataError, match="a folder that is not there yet"):
        pseudo_labels(folder, output, str(tiny_checkpoint), 4)
