"""The demo's whole sequence, with two steps of training and two mixtures."""

from pathlib import Path

import pytest

from recipes.speechocean762.demo import main


def test_demo_leaves_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = main(["trainer.max_steps=2"], tmp_path / "demo", limit=2)
    page = report.read_text(encoding="utf-8")
    # Mixture, enrolment, estimate, reference; estimates of two where a checkpoint is shipped.
    # two mixtures, and where a model speaks a sentence and a conversion
    assert page.count("<audio") in (2 * 4, 2 * 5, 2 * 5 + 2 + 3)
    for part in ("Detection error trade-off", "SI-SDR improvement", "weighted sum", "CC BY 4.0"):
        assert part in page
    assert "12 held-out speakers" in capsys.readouterr().out
