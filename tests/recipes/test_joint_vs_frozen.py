"""The arms are what their names say, and the table holds those that have run."""

import json
from pathlib import Path

from joint.config import load_config
from recipes.speechocean762.joint_vs_frozen import ARMS, COLUMNS, FIGURES, RECIPE, table


def test_arms() -> None:
    found = {}
    for arm, overrides in ARMS.items():
        tasks = load_config(RECIPE, overrides).tasks
        found[arm] = (
            tasks["extraction"].encoder,
            tasks["extraction"].weight > 0,
            tasks["verification"].weight > 0,
        )
    assert found == {
        "frozen": ("frozen", True, False),
        "joint": ("joint", True, False),
        "joint-speaker-loss": ("joint", True, True),
        "speaker-loss-alone": ("joint", False, True),
    }


def test_table(tmp_path: Path) -> None:
    for n, arm in enumerate(["joint", "frozen"]):
        (tmp_path / arm).mkdir()
        (tmp_path / arm / FIGURES).write_text(json.dumps(dict.fromkeys(COLUMNS, n + 0.25)))
    _, _, *rows = table(tmp_path).splitlines()
    assert rows == [
        "| frozen | 1.250 | 1.250 | 1.250 | 1.250 |",
        "| joint | 0.250 | 0.250 | 0.250 | 0.250 |",
    ]
