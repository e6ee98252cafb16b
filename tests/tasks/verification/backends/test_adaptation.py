"""Adaptation: the new domain's covariance is met; nothing shrinks."""

import numpy as np
import pytest

from joint.errors import DataError
from tasks.verification.backends.adaptation import (
    Coral,
    CoralPlusPlus,
    adapted_plda,
    coral_plus,
    moments,
)
from tasks.verification.backends.plda import Plda

SIZE = 4


@pytest.fixture
def domains() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings of the old domain, their speakers, and embeddings of the new one."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(200), 5)
    old = rng.normal(size=(200, SIZE))[labels] + 0.5 * rng.normal(size=(1000, SIZE))
    new = 2.0 + rng.normal(size=(600, SIZE)) * [3.0, 1.0, 0.4, 1.5]
    return old, labels, new


def test_coral_gives_the_new_mean_and_covariance(
    domains: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    old, labels, new = domains
    moved = Coral(new).fit(old, labels)(old)
    for found, expected in zip(moments(moved), moments(new), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-8)


@pytest.mark.parametrize("adapt", [coral_plus, adapted_plda])
def test_variance_grows_where_the_new_domain_has_more(
    domains: tuple[np.ndarray, np.ndarray, np.ndarray], adapt: object
) -> None:
    old, labels, new = domains
    new = new - new.mean(axis=0) + old.mean(axis=0)  # a shift counts for adapted_plda
    plda = Plda().fit(old, labels)
    before = plda.between + plda.within
    adapted = adapt(plda, new)  # type: ignore[operator]
    after = adapted.between + adapted.within
    assert np.linalg.eigvalsh(adapted.between - plda.between).min() > -1e-9
    assert np.linalg.eigvalsh(adapted.within - plda.within).min() > -1e-9
    assert after[0, 0] > 4.0 * before[0, 0]  # three times as wide there
    assert after[2, 2] == pytest.approx(before[2, 2], rel=0.05)  # narrower: left alone
    np.testing.assert_allclose(adapted.mean, new.mean(axis=0))
    np.testing.assert_allclose(plda.between + plda.within, before)


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_adapted_plda_has_the_new_variance_around_the_old_mean_where_all_of_it_is_larger(
    domains: tuple[np.ndarray, np.ndarray, np.ndarray], scale: float
) -> None:
    old, labels, _ = domains
    plda = Plda().fit(old, labels)
    new = 2.0 + np.random.default_rng(1).normal(size=(900, SIZE)) * [3.0, 4.0, 5.0, 6.0]
    adapted = adapted_plda(plda, new, shift_scale=scale)
    shift = new.mean(axis=0) - plda.mean
    expected = moments(new)[1] + scale * np.outer(shift, shift)
    np.testing.assert_allclose(adapted.between + adapted.within, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(adapted.mean, new.mean(axis=0))
    excess = expected - plda.between - plda.within
    np.testing.assert_allclose(adapted.within - plda.within, 0.75 * excess, atol=1e-6)


def test_adapted_plda_grows_along_the_shift_of_the_mean() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(200), 5)
    old = rng.normal(size=(200, SIZE))[labels] + 0.5 * rng.normal(size=(1000, SIZE))
    plda = Plda().fit(old, labels)
    new = 0.5 * rng.normal(size=(600, SIZE)) + [0.0, 2.0, 0.0, 0.0]  # nowhere wider, but shifted
    adapted = adapted_plda(plda, new)
    grown = np.diag(adapted.between + adapted.within - plda.between - plda.within)
    around = new[:, 1] - plda.mean[1]
    assert grown[1] == pytest.approx(np.mean(around**2) - 1.25, rel=0.1)
    assert np.abs(np.delete(grown, 1)).max() < 0.1


def test_a_new_domain_of_too_few_embeddings() -> None:
    with pytest.raises(DataError, match="of rank 2 in 4 dimensions"):
        Coral(np.random.default_rng(0).normal(size=(3, SIZE)))


def planted(deviations: list[float], count: int = 40_000) -> np.ndarray:
    """Embeddings with these standard deviations along the axes of one rotation."""
    rng = np.random.default_rng(len(deviations))
    turned = np.linalg.qr(rng.standard_normal((SIZE, SIZE)))[0]
    return rng.normal(size=(count, SIZE)) * deviations @ turned


def test_coral_plus_plus_enlarges_and_never_shrinks() -> None:
    turned = np.linalg.qr(np.random.default_rng(SIZE).standard_normal((SIZE, SIZE)))[0]
    old, new = planted([1.0, 1.0, 1.0, 1.0]), 2.0 + planted([3.0, 1.0, 0.4, 1.5])
    transform = CoralPlusPlus(new).fit(old, np.zeros(len(old)))
    mean, covariance = moments(transform(old))
    np.testing.assert_allclose(mean, new.mean(axis=0), atol=1e-8)
    along = np.diag(turned @ covariance @ turned.T)
    np.testing.assert_allclose(along, [9.0, 1.0, 1.0, 2.25], rtol=0.03)  # 0.4² would be 0.16


def test_coral_plus_plus_with_fewer_recordings_than_dimensions() -> None:
    rng = np.random.default_rng(0)
    old, new = rng.normal(size=(60, 16)), 5.0 * rng.normal(size=(9, 16))
    with pytest.raises(DataError, match="of rank 8 in 16 dimensions"):
        Coral(new)
    moved = CoralPlusPlus(new).fit(old, np.zeros(60))(old)
    grown = np.linalg.eigvalsh(np.cov(moved.T) - 0.99 * np.cov(old.T))
    assert np.isfinite(moved).all() and grown.min() > 0.0
