"""Similarity to the own speaker and to others, on planted directions."""

import numpy as np
import pytest

from joint.synthesis.evaluation.instruments import Measured
from joint.synthesis.evaluation.similarity import Similarity, cosines, gap_percent, similarity


def measured(*degrees: float) -> list[Measured]:
    angles = np.radians(degrees)
    return [Measured(1.0, {"e": np.array([np.cos(a), np.sin(a)])}) for a in angles]


REFERENCES = measured(0, 90, 0)
SPEAKERS = ["a", "b", "a"]


def test_own_and_other() -> None:
    found = similarity(measured(60, 60, 0), REFERENCES, SPEAKERS, "e")
    assert found.own == pytest.approx([0.5, np.cos(np.radians(30)), 1])
    # row 2 is of the speaker of row 0: only row 1 is another one
    assert found.other == pytest.approx([np.cos(np.radians(30)), 0.5, 0], abs=1e-12)


def test_others_of_one_group() -> None:
    groups = ["f", "m", "f"]
    alike = similarity(measured(60, 60, 0), REFERENCES, SPEAKERS, "e", groups)
    assert np.isnan(alike.other).all() and alike.gap is None
    unknown = similarity(measured(60, 60, 0), REFERENCES, SPEAKERS, "e", [None, "m", "m"])
    assert np.isnan(unknown.other).tolist() == [True, False, False]


def test_gap_in_percent_of_the_natural_one() -> None:
    natural = Similarity(np.array([0.9, 0.7]), np.array([0.5, 0.3]))
    made = Similarity(np.array([0.6, 0.6]), np.array([0.4, np.nan]))
    assert gap_percent(natural, natural) == pytest.approx(100)
    assert gap_percent(made, natural) == pytest.approx(50)
    alone = Similarity(np.array([0.6]), np.array([np.nan]))
    assert gap_percent(alone, natural) is None is gap_percent(natural, alone)


def test_share_nearer_to_the_own_speaker() -> None:
    found = Similarity(np.array([0.6, 0.2, 0.5, np.nan]), np.array([0.4, 0.3, np.nan, 0.1]))
    assert found.nearer_to_own_percent == 50  # of the two of which both are known
    assert Similarity(np.array([np.nan]), np.array([0.1])).nearer_to_own_percent is None


def test_cosines_of_pairs() -> None:
    assert cosines(measured(0, 45), measured(60, 45), "e") == pytest.approx([0.5, 1])
