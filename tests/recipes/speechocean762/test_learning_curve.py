"""The curve of SI-SDRi against what was seen."""

import json
from pathlib import Path

import pytest

from joint.errors import DataError
from recipes.speechocean762.studies.learning_curve import FIGURE, curves, joined, main

ROWS = [
    *({"scenes": 8 * n, "minutes": n / 2, FIGURE: float(n)} for n in range(1, 11)),
    {"scenes": 40, "minutes": 2.5, "validation": {FIGURE: 0.4, "verification/eer_percent": 9.0}},
    {"scenes": 80, "minutes": 5.0, "validation": {FIGURE: 0.9}},
]


def test_validations_and_means_between_them() -> None:
    held_out, seen = curves(ROWS, "scenes")
    assert held_out.x.tolist() == [40, 80] and held_out.y.tolist() == [0.4, 0.9]
    assert seen.x.tolist() == [24, 64] and seen.y.tolist() == [3.0, 8.0]


def test_a_log_without_extraction() -> None:
    with pytest.raises(DataError, match="extraction"):
        curves([{"scenes": 8, "minutes": 1.0, "verification/accuracy": 0.5}], "minutes")


def test_a_stage_goes_on_where_the_one_before_ended(tmp_path: Path) -> None:
    log = tmp_path / "metrics.jsonl"
    log.write_text("\n".join(map(json.dumps, ROWS)))
    rows = joined([log, log])
    assert [r["scenes"] for r in rows if "validation" in r] == [40, 80, 120, 160]
    assert [r["minutes"] for r in rows if "validation" in r] == [2.5, 5.0, 7.5, 10.0]


def test_charts_are_written(tmp_path: Path) -> None:
    log = tmp_path / "metrics.jsonl"
    log.write_text("\n".join(map(json.dumps, ROWS)))
    main([str(log), str(tmp_path / "out")])
    for name in ("curve_mixtures.svg", "curve_minutes.svg"):
        assert "held-out speakers" in (tmp_path / "out" / name).read_text()
