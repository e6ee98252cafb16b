"""Reports: they stand alone, and their charts show the figures that they were given."""

import json
import re
import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pytest

from analysis.report.charts import Curve, det_chart, histogram_chart, meeting, running_mean
from analysis.report.media import FLOOR, WINDOW, levels
from analysis.report.page import Charts, Example, Section, Table, write_report
from analysis.report.training import read_log, training_panels
from joint.errors import DataError


def falling(eer: float) -> Curve:
    """A DET curve that crosses the diagonal at `eer`."""
    return Curve("one & two", np.array([1.0, eer, 0.0]), np.array([0.0, eer, 1.0]))


def test_a_page_needs_nothing_else(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    blocks = [
        Table(["system", "EER %"], [["<ours>", "4.2"]]),
        Charts([det_chart([falling(0.1)])]),
        Example("mix & match", "a note", {"mixture": sound, "reference": sound / 9}),
    ]
    write_report(tmp_path / "r.html", "Title", "text", [Section("Part", "what", blocks)])
    page = (tmp_path / "r.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert len(sources) == 4 and all(source.startswith("data:") for source in sources)
    assert not re.search(r"https?://(?!www\.w3\.org)", page) and "@import" not in page
    assert "&lt;ours&gt;" in page and "mix &amp; match" in page
    assert page.count("<audio") == 2


def test_det_shows_the_equal_error_rate() -> None:
    chart = det_chart([falling(0.042)])
    assert "EER 4.20 %" in chart
    xml.etree.ElementTree.fromstring(chart)


@pytest.mark.parametrize("eer", [0.01, 0.2, 0.5])
def test_meeting(eer: float) -> None:
    assert meeting(falling(eer)) == pytest.approx(eer)


def test_histogram_counts_everything() -> None:
    chart = histogram_chart("gain", {"a": np.array([-3.2, 0.5, 0.7, 8.0])}, "dB")
    counts = re.findall(r"a: (\d+) from", chart)
    assert sum(map(int, counts)) == 4
    assert "median +0.6" in chart
    xml.etree.ElementTree.fromstring(chart)


def test_running_mean_leaves_out_what_is_no_number() -> None:
    values = np.array([1.0, np.nan, 3.0, 5.0])
    assert running_mean(values, 3) == pytest.approx([1.0, 2.0, 4.0, 4.0])


def test_levels_find_a_tone() -> None:
    time = np.arange(16_000) / 16_000
    found = levels(np.sin(2 * np.pi * 1000 * time))
    assert found.shape[0] == WINDOW // 2 + 1
    assert (found.argmax(axis=0) == round(1000 * WINDOW / 16_000)).all()
    assert found.min() >= FLOOR and found.max() == pytest.approx(0)


def test_training_curves_from_a_log(tmp_path: Path) -> None:
    rows = [{"step": i, "minutes": i / 10, "loss": 5.0 - i, "task/x_db": i} for i in range(4)]
    rows.append({"step": 4, "minutes": 0.4, "validation": {"eer_percent": 9.0}})
    log = tmp_path / "metrics.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"step": 5, "lo')
    panels = training_panels(read_log(log), {"loss": "The loss", "absent": "-"})
    assert len(panels) == 2
    assert "The loss" in panels[0] and "held out: eer_percent" in panels[1]
    assert len(training_panels(read_log(log))) == 3


def test_a_log_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        read_log(tmp_path / "missing.jsonl")
    (tmp_path / "broken.jsonl").write_text('not json\n{"step": 1}\n')
    with pytest.raises(DataError, match="JSON"):
        read_log(tmp_path / "broken.jsonl")
