"""Each recipe trains two steps on the embedded corpus."""

import json
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from support import RECIPES

from joint.data.opening import open_corpus
from joint.training.building.model import load_model
from joint.training.config.reading import composed
from joint.training.run import train
from tasks.distillation.targets import Targets

OF_PHONES = ("phonetics", "recognition", "synthesis", "conversion")
"""Tasks that learn from an aligned corpus."""


def short(recipe: Path, train: Path, validation: Path, output: Path) -> list[str]:
    """Overrides that leave the model as it is and make everything else small."""
    config = composed(recipe)
    whole = "CtcPhones" in str(config.tasks)  # learns from whole utterances
    overrides = [
        f"output={output}",
        f"data.train={train}",
        f"data.validation={validation}",
        "data.cache=null",
        "init=[]",
        "trainer.max_steps=2",
        "trainer.max_minutes=null",
        "trainer.workers=0",
    ]
    scenes = [f"streams.{name}" for name in config.streams]
    extracts = "validation" in config and list(config.validation.tasks) == ["extraction"]
    judged = 2 if extracts else 12  # of some tasks, figures need several speakers
    for place in [*scenes, *(["validation"] if "validation" in config else [])]:
        # extractors of the published sizes: their time is that of the samples, of every enrolment
        overrides += [f"{place}.scenes.chunk={0.2 if extracts else 0.6}"]
        overrides += [f"{place}.scenes.enrollments=1"] if extracts else []
        overrides += [f"{place}.scenes.enrollment={6.0 if whole else 0.6}"]
        overrides += [f"{place}.batch_size={judged if place == 'validation' else 2}"]
    return overrides + (["validation.batches=1"] if "validation" in config else [])


def any_targets(folder: Path, dim: int, output: Path) -> Path:
    """Targets for all recordings of a prepared folder at the speeds that recipes have."""
    names, speeds = [u.id for u in open_corpus(folder).utterances], [0.8, 0.9, 1.0, 1.1, 1.2]
    rows = np.random.default_rng(0).standard_normal((len(speeds), len(names), dim))
    Targets(names, speeds, rows.astype(np.float32)).save(output / "targets.npz")
    return output / "targets.npz"


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_two_steps(recipe: Path, prepared: Path, aligned: Path, tmp_path: Path) -> None:
    folders = prepared / "train", prepared / "test"
    config = composed(recipe)
    if any(f"tasks.{task}." in str(config.tasks) for task in OF_PHONES):
        folders = aligned, aligned
    config.pop("init_parts", None)
    OmegaConf.save(config, tmp_path / "recipe.yaml")
    overrides = short(recipe, *folders, tmp_path / "run")
    if "distillation" in config.tasks:
        targets = any_targets(folders[0], config.encoder.embedding_dim, tmp_path)
        overrides.append(f"tasks.distillation.task.targets={targets}")
    checkpoint = train(tmp_path / "recipe.yaml", overrides)
    model, metadata = load_model(checkpoint)
    assert metadata["trained"]["steps"] == 2
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    last = json.loads(lines[-1])
    assert set(last["validation"]) and last["skipped_steps"] == 0
    assert {name.split("/")[0] for name in last["validation"]} <= set(model.tasks)
