"""The golden figures hold: what refactoring must not change."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pins import GOLDEN, SHIPPED, TRAININGS, prepared, shipped, trained


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads(GOLDEN.read_text())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("pins"))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_checkpoint(name: str, golden: dict[str, Any]) -> None:
    wanted, found = golden[name], shipped(name)
    scale = np.linalg.norm(wanted["embeddings"], axis=1, keepdims=True)
    difference = (np.array(found["embeddings"]) - np.array(wanted["embeddings"])) / scale
    assert np.abs(difference).max() < 1e-4
    assert found["eer_percent"] == pytest.approx(wanted["eer_percent"], abs=0.02)
    assert found["si_sdr_improvement_db"] == pytest.approx(
        wanted["si_sdr_improvement_db"], abs=0.01
    )


@pytest.mark.parametrize("name", TRAININGS)
def test_a_short_training(name: str, golden: dict[str, Any], data: Path, tmp_path: Path) -> None:
    wanted, found = golden[name], trained(name, data, tmp_path / name)
    assert found["first"] == pytest.approx(wanted["first"], rel=1e-4)
    for figure, value in wanted.items():
        # The figures of thirty steps; those near 0 (a threshold, decibels) have a floor.
        assert found[figure] == pytest.approx(value, rel=0.05, abs=0.1), figure
