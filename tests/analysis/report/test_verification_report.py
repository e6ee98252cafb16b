"""The page of an evaluation of verification, whatever its scores are."""

from pathlib import Path

import numpy as np
import pytest

from analysis.report.verification import BINS, bin_width, write_verification_report
from joint.metrics.detection import error_rates

GROUP = {"eer_percent": 5.0, "min_dcf_p01": 0.5, "trials": 200}


@pytest.mark.parametrize("scale", [1.0, 1e-3, 400.0])
def test_scores_of_any_range(scale: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(200) < 100
    scores = scale * (rng.standard_normal(200) + 2.0 * labels - 1.0)
    figures, path = {**GROUP, "by_group": {}}, tmp_path / "page.html"
    scored = ("PLDA score", scores, labels)
    write_verification_report(path, "m", figures, error_rates(scores, labels), scored, {})
    page = path.read_text()
    assert "Scores of all trials: PLDA score." in page and "cosine" not in page.lower()
    assert len(page) < 200_000


def test_bins() -> None:
    assert bin_width({"a": np.array([-1.0, np.inf]), "b": np.array([3.0])}) == 4.0 / BINS
    assert bin_width({"a": np.array([100.0, 102.0])}) == 102.0 / BINS
    assert bin_width({"a": np.zeros(3), "b": np.zeros(0)}) == 1.0
