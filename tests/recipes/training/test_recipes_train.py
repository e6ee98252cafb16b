"""Each recipe trains two steps on the embedded corpus."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from stand_ins import codec_parts, overrides_of
from support import RECIPES, blocks_composed, short

from joint.training.building.model import load_model
from joint.training.run import train

OF_PHONES = ("phonetics", "recognition", "synthesis", "conversion", "codec", "codec_synthesis")
"""Tasks that learn from an aligned corpus."""


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_two_steps(recipe: Path, prepared: Path, aligned: Path, tmp_path: Path) -> None:
    folders = prepared / "train", prepared / "test"
    config = deepcopy(blocks_composed(recipe))
    if any(f"tasks.{task}." in str(config.tasks) for task in OF_PHONES):
        folders = aligned, aligned
    config.pop("init_parts", None)
    if "tasks.codec_synthesis." in str(config.tasks):
        config.init_parts = codec_parts(config.tasks.synthesis.task.codec, tmp_path)
    OmegaConf.save(config, tmp_path / "recipe.yaml")
    overrides = short(recipe, *folders, tmp_path / "run")
    if recipe.parent.name == "domains":  # which name both of their corpora
        source, target = (f"{{path: {folder}}}" for folder in folders)
        overrides = [o for o in overrides if not o.startswith("data.train=")]
        overrides.append(f"data.train={{source: {source}, target: {target}}}")
    overrides += overrides_of(config, folders[0], tmp_path)
    checkpoint = train(tmp_path / "recipe.yaml", overrides)
    model, metadata = load_model(checkpoint)
    assert metadata["trained"]["steps"] == 2
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    last = json.loads(lines[-1])
    assert set(last["validation"]) and last["skipped_steps"] == 0
    assert {name.split("/")[0] for name in last["validation"]} <= set(model.tasks)
