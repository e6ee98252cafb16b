"""Calibration: known ratios come back; costs equal cases worked by hand."""

import numpy as np
import pytest

from joint.errors import DataError
from joint.metrics.calibration import Calibration, probability
from joint.metrics.detection import cllr, min_cllr


@pytest.fixture
def trials() -> tuple[np.ndarray, np.ndarray]:
    """Scores from N(2, 1) and N(-1, 1): the log-likelihood ratio is 3·score - 1.5."""
    rng = np.random.default_rng(0)
    labels = rng.random(40_000) < 0.1
    return rng.normal(np.where(labels, 2.0, -1.0)), labels


@pytest.mark.parametrize("p_target", [0.5, 0.05])
def test_known_ratios_come_back(trials: tuple[np.ndarray, np.ndarray], p_target: float) -> None:
    scores, labels = trials
    found = Calibration.fit(scores, labels, p_target=p_target)
    assert found.gains[0] == pytest.approx(3.0, rel=0.05)
    assert found.offset == pytest.approx(-1.5, abs=0.15)
    ratios = found(scores)
    assert cllr(ratios, labels) == pytest.approx(min_cllr(scores, labels), abs=0.005)
    assert cllr(10.0 * ratios, labels) > 1.5 * cllr(ratios, labels)


def test_quality_measures_help_where_they_tell_something() -> None:
    rng = np.random.default_rng(0)
    labels = rng.random(20_000) < 0.5
    level = rng.normal(size=20_000) * 50.0
    scores = rng.normal(np.where(labels, 1.0, -1.0)) + level / 50.0  # a level shifts the scores
    plain = Calibration.fit(scores, labels)
    aware = Calibration.fit(scores, labels, level)
    assert cllr(aware(scores, level), labels) < 0.8 * cllr(plain(scores), labels)
    with pytest.raises(DataError, match="quality measures: found 0; expected 1"):
        aware(scores)


def test_no_trials_have_no_ratios() -> None:
    assert Calibration(1.0, (2.0, 3.0, 4.0))(np.zeros(0), np.zeros((0, 2))).shape == (0,)


def test_probability() -> None:
    assert probability(0.0) == 0.5
    assert probability(np.log(3.0)) == pytest.approx(0.75)
    assert probability(0.0, p_target=0.01) == pytest.approx(0.01)


def test_one_class_only() -> None:
    with pytest.raises(DataError, match="3 trials, all target"):
        Calibration.fit(np.zeros(3), np.ones(3))
