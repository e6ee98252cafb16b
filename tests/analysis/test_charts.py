"""Charts draw the numbers that they are given, and are written whole or not at all."""

import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr

from analysis.charts import (
    Curve,
    det_chart,
    histogram_chart,
    line_chart,
    running_mean,
    save,
    scatter_chart,
    svg,
)
from joint.errors import DataError, JointError
from joint.metrics.detection import ErrorRates, error_rates


@pytest.fixture
def rates() -> ErrorRates:
    """Gaussian scores, EER about 15.9 %."""
    labels = np.array([1] * 300 + [0] * 900)
    return error_rates(np.random.default_rng(0).normal(size=1200) + 2 * labels, labels)


def test_a_det_curve_of_gaussians_is_a_straight_line(rates: ErrorRates) -> None:
    (axes,) = det_chart({"normal": rates}).axes
    curve, point = axes.lines[1:]
    x, y = curve.get_xydata().T
    inside = (np.abs(x) < 1.5) & (np.abs(y) < 1.5)
    slope, offset = np.polyfit(x[inside], y[inside], 1)
    assert slope == pytest.approx(-1, abs=0.15) and offset == pytest.approx(-2, abs=0.15)
    at = point.get_xydata()[0]
    assert ndtr(at) == pytest.approx([rates.eer().percent / 100] * 2)
    assert curve.get_label() == f"normal: EER {rates.eer().percent:.2f} %"


def test_a_det_curve_without_errors_stays_in_the_picture() -> None:
    separated = error_rates(np.array([3.0, 2.0, 1.0, 0.0]), np.array([1, 1, 0, 0]))
    (axes,) = det_chart({"separated": separated}).axes
    for line in axes.lines:
        assert np.isfinite(line.get_xydata()).all()


def test_a_histogram_counts_every_finite_value() -> None:
    values = np.array([-3.2, 0.5, 0.7, 8.0, np.nan])
    (axes,) = histogram_chart("gain", {"a": values}, "dB").axes
    bars = {bar.get_x(): bar.get_height() for bar in axes.patches if bar.get_height()}
    assert bars == {-4.0: 1, 0.0: 2, 8.0: 1}
    assert axes.get_legend().get_texts()[0].get_text() == "a: median +0.6"


def test_a_long_curve_stands_behind_its_running_mean() -> None:
    noisy = np.tile([0.0, 2.0], 50)
    noisy[0] = 1e6
    (axes,) = line_chart("loss", [Curve("a", np.arange(100.0), noisy)], "step", "", smooth=10).axes
    raw, mean = (line.get_ydata() for line in axes.lines)
    assert np.array_equal(raw, noisy) and mean[20:-20] == pytest.approx(1.0)
    assert axes.get_ylim()[1] < 3, "one outlier must not flatten the rest"


def test_every_point_of_a_scatter_plot_has_its_group() -> None:
    points = np.arange(12.0).reshape(6, 2)
    (axes,) = scatter_chart("speakers", points, list("abcabc")).axes
    found = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert found["b"] == [[2.0, 3.0], [8.0, 9.0]] and list(found) == ["a", "b", "c"]


def test_running_mean_leaves_out_what_is_not_finite() -> None:
    values = np.array([1.0, np.nan, 3.0, 5.0])
    assert running_mean(values, 3) == pytest.approx([1.0, 2.0, 4.0, 4.0])


def test_svg_is_one_element_and_does_not_depend_on_chance(rates: ErrorRates) -> None:
    text = svg(det_chart({"one & <two>": rates}))
    assert text == svg(det_chart({"one & <two>": rates}))
    root = xml.etree.ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    assert any("one & <two>: EER" in (element.text or "") for element in root.iter())


@pytest.mark.parametrize(("name", "magic"), [("d.png", b"\x89PNG"), ("d.svg", b"<?xml")])
def test_a_chart_is_written(tmp_path: Path, rates: ErrorRates, name: str, magic: bytes) -> None:
    path = tmp_path / "new" / name
    save(det_chart({"a": rates}), path)
    assert path.read_bytes().startswith(magic)


def test_where_a_chart_cannot_be_written(tmp_path: Path, rates: ErrorRates) -> None:
    with pytest.raises(DataError, match=r"the ending '\.txt'"):
        save(det_chart({"a": rates}), tmp_path / "d.txt")
    (tmp_path / "file").write_text("")
    with pytest.raises(JointError, match="file"):
        save(det_chart({"a": rates}), tmp_path / "file" / "d.png")
