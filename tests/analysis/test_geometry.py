"""How embeddings lie."""

import numpy as np
import pytest

from analysis.geometry import geometry, information, on_a_plane
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


def test_information_of_gaussians() -> None:
    assert information(np.array([0.0, -0.5])) == 0.0
    assert information(np.array([0.75])) == pytest.approx(np.log(2))


@pytest.mark.parametrize("owners", [["a", "a", "a"], ["a", "b", "c"]])
def test_what_is_refused(owners: list[str]) -> None:
    with pytest.raises(DataError, match="several speakers"):
        geometry(np.eye(3), owners)
