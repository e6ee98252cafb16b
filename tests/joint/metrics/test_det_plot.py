"""DET plots are files that open, whatever the scores."""

from pathlib import Path

import numpy as np
import pytest

from joint.errors import DataError, JointError
from joint.metrics.det import plot_det

LABELS = np.array([1] * 100 + [0] * 300)


@pytest.fixture
def scores() -> np.ndarray:
    return np.random.default_rng(0).normal(size=400) + 2 * LABELS


@pytest.mark.parametrize(("name", "magic"), [("d.png", b"\x89PNG"), ("d.svg", b"<?xml")])
def test_a_plot_is_written(tmp_path: Path, scores: np.ndarray, name: str, magic: bytes):
    separated = 10.0 * LABELS
    path = tmp_path / "new" / name
    plot_det({"normal": (scores, LABELS), "separated": (separated, LABELS)}, path, "two systems")
    assert path.read_bytes().startswith(magic)


def test_what_cannot_be_drawn_is_refused(tmp_path: Path, scores: np.ndarray):
    with pytest.raises(DataError, match=r"the ending '\.txt'"):
        plot_det({"a": (scores, LABELS)}, tmp_path / "d.txt")
    with pytest.raises(DataError, match="DET of a"):
        plot_det({"a": (scores, np.ones(400))}, tmp_path / "d.png")
    with pytest.raises(DataError, match="DET of a"):
        plot_det({"a": (scores * np.nan, LABELS)}, tmp_path / "d.png")
    (tmp_path / "file").write_text("")
    with pytest.raises(JointError, match="file"):
        plot_det({"a": (scores, LABELS)}, tmp_path / "file" / "d.png")
