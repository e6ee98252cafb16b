"""Reports need no other file, and have the tables, charts and audio that they were given."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from analysis.charts import Curve, det_chart, line_chart
from analysis.report.encoder import layers_section
from analysis.report.media import FLOOR, WINDOW, levels
from analysis.report.page import Charts, Example, Links, Section, Table, write_report
from analysis.report.training import read_log, training_panels
from joint.errors import DataError
from joint.metrics.detection import error_rates


def test_a_page_needs_nothing_else(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    rates = error_rates(np.array([3.0, 1.0, 2.0, 0.0]), np.array([1, 1, 0, 0]))
    curve = Curve("loss", np.arange(5.0), np.arange(5.0))
    blocks = [
        Table(["system", "EER %"], [["<ours>", "4.2"]]),
        Charts([det_chart({"one & two": rates}), line_chart("loss", [curve], "minutes", "nats")]),
        Example("mix & match", "a note", {"mixture": sound, "reference": sound / 9}),
    ]
    write_report(tmp_path / "r.html", "Title", "text", [Section("Part", "what", blocks)])
    page = (tmp_path / "r.html").read_text()
    sources = [s for s in re.findall(r'(?:src|href)="([^"]{0,30})', page) if s[0] != "#"]
    assert len(sources) == 4 and all(source.startswith("data:") for source in sources)
    assert not re.search(r"https?://(?!www\.w3\.org)", page) and "@import" not in page
    assert page.count("<svg") == page.count("</svg>") == 2 and "<?xml" not in page
    assert "one &amp; two: EER 50.00 %" in page
    assert "&lt;ours&gt;" in page and "mix &amp; match" in page
    assert page.count("<audio") == 2


def test_files_are_linked_from_the_page_and_tables_are_sortable(tmp_path: Path) -> None:
    used = tmp_path / "data" / "trials & more"
    used.parent.mkdir()
    used.touch()
    files = {"trials": used, "corpus": "s3://bucket/corpus", "lost": tmp_path / "none"}
    content = [Table(["system", "EER %"], [["ours", "4.2"]]), Links(files, tmp_path / "out")]
    write_report(tmp_path / "out" / "r.html", "T", "text", [Section("Part", "what", content)])
    page = (tmp_path / "out" / "r.html").read_text()
    assert re.findall(r'href="([^"]*)"', page) == ["../data/trials%20%26%20more"]
    assert "corpus: s3://bucket/corpus" in page
    assert "<th scope=col><button>EER %</button></th>" in page and "aria-sort" in page
    assert "prefers-color-scheme:dark" in page


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
    (first,), (second,) = (panel.axes for panel in panels)
    assert first.get_title(loc="left") == "The loss"
    assert first.lines[0].get_ydata().tolist() == [5.0, 4.0, 3.0, 2.0]
    assert second.get_title(loc="left") == "held out: eer_percent"
    assert second.lines[0].get_xydata().tolist() == [[0.4, 9.0]]
    assert len(training_panels(read_log(log))) == 3


def test_a_log_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        read_log(tmp_path / "missing.jsonl")
    (tmp_path / "broken.jsonl").write_text('not json\n{"step": 1}\n')
    with pytest.raises(DataError, match="JSON"):
        read_log(tmp_path / "broken.jsonl")


def test_weights_of_a_front_end_s_layers(tmp_path: Path) -> None:
    section = layers_section({"keys": np.array([0.2, 0.5, 0.3]), "values": np.array([0.1, 0.9, 0])})
    write_report(tmp_path / "r.html", "Title", "text", [section])
    page = (tmp_path / "r.html").read_text()
    assert page.count("<svg") == 1 and "0.900" in page and "Layers of the front-end" in page
