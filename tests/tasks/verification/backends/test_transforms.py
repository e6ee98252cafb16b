"""Transforms: each does what its name says; data they cannot learn from are named."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from joint.errors import DataError
from tasks.verification.backends.statistics import SpeakerStatistics
from tasks.verification.backends.transforms import (
    Chain,
    Lda,
    LengthNormalization,
    MeanSubtraction,
    Wccn,
)


@pytest.fixture
def labelled() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(12), rng.integers(2, 9, size=12))
    mixing = rng.normal(size=(6, 6))
    return 4.0 + rng.normal(size=(12, 6))[labels] + rng.normal(
        size=(len(labels), 6)
    ) @ mixing, labels


def test_statistics_add_up(labelled: tuple[np.ndarray, np.ndarray]) -> None:
    embeddings, labels = labelled
    found = SpeakerStatistics.of(embeddings, labels)
    total = np.cov(embeddings.T, bias=True)
    np.testing.assert_allclose(found.within + found.between, total, atol=1e-10)
    np.testing.assert_allclose(found.means[3], embeddings[labels == 3].mean(axis=0))


def test_lda_spans_what_scikit_learn_finds(labelled: tuple[np.ndarray, np.ndarray]) -> None:
    embeddings, labels = labelled
    ours = Lda(3).fit(embeddings, labels).directions
    theirs = LinearDiscriminantAnalysis(solver="eigen").fit(embeddings, labels).scalings_[:, :3]
    for mine, other in zip(ours.T, theirs.T, strict=True):
        cosine = mine @ other / np.linalg.norm(mine) / np.linalg.norm(other)
        assert abs(cosine) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("transform", [Lda(4), Wccn()], ids=["LDA", "WCCN"])
def test_unit_covariance_within(
    labelled: tuple[np.ndarray, np.ndarray], transform: Lda | Wccn
) -> None:
    embeddings, labels = labelled
    moved = transform.fit(embeddings, labels)(embeddings)
    within = SpeakerStatistics.of(moved, labels).within
    np.testing.assert_allclose(within, np.eye(len(within)), atol=1e-8)


def test_a_chain_fits_each_part_on_what_comes_before(
    labelled: tuple[np.ndarray, np.ndarray],
) -> None:
    embeddings, labels = labelled
    chain = Chain([MeanSubtraction(), Lda(3), LengthNormalization()]).fit(embeddings, labels)
    moved = chain(embeddings)
    assert moved.shape == (len(embeddings), 3)
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), np.sqrt(3))
    centred = embeddings - embeddings.mean(axis=0)
    by_hand = centred @ Lda(3).fit(centred, labels).directions
    by_hand *= np.sqrt(3) / np.linalg.norm(by_hand, axis=1, keepdims=True)
    np.testing.assert_allclose(np.abs(moved), np.abs(by_hand), atol=1e-8)


def test_more_dimensions_than_there_are(labelled: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(DataError, match="LDA: found 7 dimensions; expected 1 to 6"):
        Lda(7).fit(*labelled)


def test_a_singular_covariance(labelled: tuple[np.ndarray, np.ndarray]) -> None:
    embeddings, labels = labelled
    doubled = np.hstack([embeddings, embeddings[:, :2]])
    for transform in (Lda(), Wccn()):
        with pytest.raises(DataError, match="within speakers of rank 6 in 8 dimensions"):
            transform.fit(doubled, labels)
