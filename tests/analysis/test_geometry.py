"""How embeddings lie."""

import numpy as np
import pytest

from analysis.geometry import PAIRS, geometry, on_a_plane, pairs
from joint.errors import DataError


def clouds(spread: float, people: int = 12, each: int = 8) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((people, 16))
    points = np.repeat(centres, each, axis=0)
    points = points + spread * rng.standard_normal(points.shape)
    return points, [f"p{i // each}" for i in range(len(points))]


def test_tight_speakers_are_aligned_and_far_apart() -> None:
    tight, loose = (geometry(*clouds(spread)) for spread in (0.1, 1.0))
    assert tight["within"] > 0.98 > loose["within"] > loose["between"]
    assert tight["alignment"] < loose["alignment"] and tight["d_prime"] > loose["d_prime"] > 0
    assert abs(tight["between"]) < 0.2 and tight["uniformity"] < -2


def test_values_on_a_square() -> None:
    points = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    found = geometry(points, ["a", "a", "b", "b"])
    assert found["within"] == pytest.approx(0.0) and found["between"] == pytest.approx(-0.5)
    assert found["alignment"] == pytest.approx(2.0) and found["dimensions"] == pytest.approx(2.0)


def test_length_does_not_matter() -> None:
    points, owners = clouds(0.5)
    longer = points * np.linspace(0.5, 3.0, len(points))[:, None]
    for key, value in geometry(points, owners).items():
        assert geometry(longer, owners)[key] == pytest.approx(value)


def test_neighbours_stay_neighbours() -> None:
    points, owners = clouds(0.1)
    plane = on_a_plane(points)
    distance = np.linalg.norm(plane[:, None] - plane[None], axis=2) + 1e9 * np.eye(len(plane))
    nearest = distance.argmin(axis=1)
    assert np.mean([owners[i] == owners[j] for i, j in enumerate(nearest)]) > 0.95


def test_a_large_corpus_is_measured_as_all_its_pairs() -> None:
    points, owners = clouds(0.3, people=60, each=20)  # 708,000 pairs of two speakers
    directions = points / np.linalg.norm(points, axis=1, keepdims=True)
    cosines = (directions @ directions.T)[np.triu_indices(len(points), 1)]
    found = geometry(points, owners)
    assert found["uniformity"] == pytest.approx(np.log(np.exp(4 * cosines - 4).mean()), abs=0.02)
    assert geometry(points, owners) == found


def test_few_pairs_are_listed_and_many_drawn() -> None:
    owner = np.random.default_rng(0).permutation(np.repeat(np.arange(4), [1, 2, 5, 9]))
    for same in (True, False):
        first, second, count = pairs(owner, same)
        one, other = np.triu_indices(len(owner), 1)
        listed = {(a, b) for a, b in zip(one, other, strict=True) if (owner[a] == owner[b]) == same}
        assert set(zip(first, second, strict=True)) == listed | {(b, a) for a, b in listed}
        assert count == len(listed) and len(first) == 2 * count
    for same in (True, False):  # 1.35 million of one speaker, and 500 million of all
        owner = np.random.default_rng(0).permutation(
            np.repeat(np.arange(300), [1_900] + [97] * 299)
        )
        first, second, count = pairs(owner, same)
        assert len(first) == PAIRS < count and (first != second).all()
        assert ((owner[first] == owner[second]) == same).all()
        largest = 1_900 * 1_899 / 2 / count if same else 1 - (1 - 1_900 / len(owner)) ** 2
        share = np.mean((owner[first] == 0) | (owner[second] == 0))
        assert share == pytest.approx(largest, abs=0.01)


@pytest.mark.parametrize("owners", [["a", "a", "a"], ["a", "b", "c"]])
def test_what_is_refused(owners: list[str]) -> None:
    with pytest.raises(DataError, match="several speakers"):
        geometry(np.eye(3), owners)
