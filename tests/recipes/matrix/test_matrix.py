"""Variants of the matrix train two steps on the embedded corpus: one task, and all five."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf
from support import ROOT, short

from joint.experiments.ablation import Grid
from joint.training.building.model import load_model
from joint.training.run import train

GRID = ROOT / "recipes" / "matrix" / "grids" / "matrix.yaml"


@pytest.mark.parametrize("variant", ["conversion, adapter", "all, GradNorm", "all, surgery"])
def test_two_steps(variant: str, aligned: Path, tmp_path: Path) -> None:
    run = Grid.load(GRID, [f"output={tmp_path}", "seeds=[1]"]).runs([variant])[0]
    run.config.pop("init_parts")  # what the start's trainings have made
    recipe = tmp_path / "recipe.yaml"
    OmegaConf.save(run.config, recipe)
    model, metadata = load_model(train(recipe, short(recipe, aligned, aligned, tmp_path / "run")))
    assert metadata["trained"]["steps"] == 2
    everything = {"verification", "extraction", "recognition", "synthesis", "conversion"}
    assert set(model.tasks) == everything
    assert set(model.active) == (everything if "all" in variant else {"conversion"})
