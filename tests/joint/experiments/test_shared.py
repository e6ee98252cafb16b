"""Figures that runs of a grid have in common."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from joint.experiments.shared import SharedFigures
from joint.experiments.speech import SpeechConfig

SETTINGS = asdict(SpeechConfig(sentences=3))


def counting() -> tuple[Callable[[], dict[str, Any]], list[int]]:
    times: list[int] = []

    def measure() -> dict[str, Any]:
        times.append(1)
        return {"n": len(times), "by_system": {"left": "out"}}

    return measure, times


def head() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def test_equal_weights_are_measured_once(tmp_path: Path) -> None:
    measure, times = counting()
    shared = SharedFigures(tmp_path / "measured")
    first = shared.once("extraction", [head()], SETTINGS, measure)
    again = shared.once("extraction", [head()], SETTINGS, measure)
    assert first == again == {"n": 1} and len(times) == 1


@pytest.mark.parametrize("what", ["weight", "settings", "name"])
def test_whatever_differs_is_measured_anew(tmp_path: Path, what: str) -> None:
    measure, times = counting()
    shared = SharedFigures(tmp_path)
    shared.once("extraction", [head()], SETTINGS, measure)
    other, name, settings = head(), "extraction", SETTINGS
    if what == "weight":
        with torch.no_grad():
            other.bias[0] += 1e-6
    elif what == "settings":
        settings = asdict(SpeechConfig(sentences=4))
    else:
        name = "conversion"
    assert shared.once(name, [other], settings, measure) == {"n": 2}
    assert len(times) == 2


def test_an_interrupted_measurement_leaves_nothing(tmp_path: Path) -> None:
    def killed() -> dict[str, Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SharedFigures(tmp_path).once("extraction", [head()], None, killed)
    assert not list(tmp_path.iterdir())
