"""A head of weight 0 changes nothing, bit for bit."""

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from support import TINY
from torch import Tensor

from joint.training import checkpoint
from joint.training.run import train


def tensors_after(folder: Path, recipe: Path, overrides: list[str]) -> dict[str, Tensor]:
    return checkpoint.read(train(recipe, [*overrides, f"output={folder}"]))[0]


@pytest.mark.parametrize(
    "idle, other", [("extraction", "verification"), ("verification", "extraction")]
)
def test_with_and_without(tiny_overrides: list[str], tmp_path: Path, idle: str, other: str) -> None:
    recipe = OmegaConf.load(TINY)
    del recipe["tasks"][idle]
    recipe["streams"]["mixtures"]["tasks"] = [other]
    without = tmp_path / "without.yaml"
    OmegaConf.save(recipe, without)
    overrides = [*tiny_overrides, "trainer.max_steps=3"]
    expected = tensors_after(tmp_path / "without", without, overrides)
    found = tensors_after(tmp_path / "with", TINY, [*overrides, f"tasks.{idle}.weight=0.0"])
    extra = {name for name in found if name.startswith(f"model/tasks.{idle}.")}
    assert extra and found.keys() - extra == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
