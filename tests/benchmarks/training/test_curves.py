"""Points of curves over processor time, from a grid of budgets, a log and the command line."""

import json
from pathlib import Path

from tests.benchmarks.training.curves import of_grid, of_log, of_text


def test_of_a_grid_by_budget(tmp_path: Path) -> None:
    for minutes, percent in ((14, 6.2), (4, 11.0)):
        run = tmp_path / f"{minutes} min" / "seed1"
        run.mkdir(parents=True)
        (run / "recipe.yaml").write_text(f"trainer: {{max_minutes: {minutes}}}\n")
        (run / "figures.json").write_text(json.dumps({"eer_percent": percent}))
    assert of_grid(f"{tmp_path}:eer_percent") == [(4, 11.0), (14, 6.2)]


def test_of_a_log_what_was_held_out(tmp_path: Path) -> None:
    rows = [
        {"step": 10, "minutes": 1.0, "scenes": 80, "loss": 3.0, "extraction/db": 0.5},
        {"step": 10, "minutes": 1.0, "scenes": 80, "validation": {"extraction/db": 0.25}},
        {"step": 20, "minutes": 2.0, "scenes": 160, "validation": {"extraction/db": 0.75}},
    ]
    log = tmp_path / "metrics.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert of_log(f"{log}:extraction/db") == [(1.0, 0.25), (2.0, 0.75)]


def test_of_text() -> None:
    assert of_text("20:8.00,30:7.5") == [(20.0, 8.0), (30.0, 7.5)]
