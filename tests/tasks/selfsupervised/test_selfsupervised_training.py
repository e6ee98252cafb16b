"""Training without labels on the embedded corpus: where the momentum encoder begins, what falls."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf
from support import TINY

from joint.training import checkpoint
from joint.training.run import train

SCENES = {"speakers": 0, "segments": 2, "enrollment": 0.5, "speeds": [1.0]}
MOCO = {"_target_": "tasks.selfsupervised.moco.MoCo", "queue_size": 8}
SIMCLR = {"_target_": "tasks.selfsupervised.simclr.SimClr"}


@pytest.fixture
def recipe(tmp_path: Path) -> Any:
    """The tiny encoder with one task without labels."""

    def write(task: dict[str, Any]) -> Path:
        config: Any = OmegaConf.load(TINY)
        config.tasks = {"own": {"task": task}}
        config.streams = {"segments": {"tasks": ["own"], "batch_size": 12, "scenes": SCENES}}
        OmegaConf.save(config, tmp_path / "recipe.yaml")
        return tmp_path / "recipe.yaml"

    return write


def test_the_momentum_encoder_begins_with_what_the_encoder_was_initialised_with(
    recipe: Any, tiny_checkpoint: Path, tiny_overrides: list[str], tmp_path: Path
) -> None:
    keys = ["trainer.max_steps=1", "streams.segments.batch_size=4", f"init=[{tiny_checkpoint}]"]
    path = train(recipe(MOCO), [*tiny_overrides, *keys, f"output={tmp_path / 'run'}"])
    start, _ = checkpoint.read(tiny_checkpoint)
    found, _ = checkpoint.read(path)
    prefix = "model/tasks.own.momentum_encoder.encoder."
    copied = {n.removeprefix(prefix): v for n, v in found.items() if n.startswith(prefix)}
    same = [n for n, v in copied.items() if v.equal(start[f"model/encoder.{n}"])]
    assert len([n for n in same if n.endswith("weight")]) > 8
    assert int(found["model/tasks.own.seen"]) == 4


def test_the_loss_falls(recipe: Any, tiny_overrides: list[str], tmp_path: Path) -> None:
    keys = ["trainer.max_steps=30", "optimizer.lr=0.01"]
    train(recipe(SIMCLR), [*tiny_overrides, *keys, f"output={tmp_path / 'run'}"])
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["own/loss"] for line in lines]
    assert np.mean(losses[-6:]) < 0.9 * np.mean(losses[:6])
