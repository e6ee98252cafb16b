"""A training is initialised from names, or paths beside its recipe or in the current folder."""

import shutil
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from support import TINY

from joint.errors import CheckpointError
from joint.task import Task
from joint.training import checkpoint
from joint.training.building.initialisation import located
from joint.training.run import train


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The folder of a recipe, and the current one."""
    recipe, current = tmp_path / "recipe", tmp_path / "current"
    for folder in (recipe, current):
        (folder / "run").mkdir(parents=True)
    monkeypatch.chdir(current)
    return recipe, current


def test_the_order_of_names_and_folders(folders: tuple[Path, Path], tmp_path: Path) -> None:
    recipe, current = folders
    shipped = tmp_path / "shipped.safetensors"
    (current / "run" / "model.safetensors").touch()
    assert located("run", recipe).absolute() == current / "run" / "model.safetensors"
    (recipe / "run" / "model.safetensors").touch()
    assert located("run", recipe) == recipe / "run" / "model.safetensors"
    assert located("run/model.safetensors", recipe) == recipe / "run" / "model.safetensors"
    assert located("run", recipe, {"run": shipped}.get) == shipped
    assert located(str(current / "run"), recipe) == current / "run" / "model.safetensors"


def test_no_such_checkpoint(folders: tuple[Path, Path]) -> None:
    recipe, _ = folders
    with pytest.raises(CheckpointError, match="none: found no checkpoint") as error:
        located("none", recipe, {"other": recipe}.get)
    assert str(recipe) in str(error.value)


def test_a_task_s_checkpoint_that_is_not_there(
    tiny_overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is missed before the waveforms are packed, which takes long."""
    monkeypatch.setattr(Task, "locate", lambda _, find: find("not there"))
    overrides = [*tiny_overrides, f"output={tmp_path}/run", f"data.cache={tmp_path}/cache"]
    with pytest.raises(CheckpointError, match="not there: found no checkpoint"):
        train(TINY, overrides)
    assert not (tmp_path / "cache").exists()


def test_a_recipe_names_a_checkpoint_beside_it(
    tiny_checkpoint: Path,
    tiny_overrides: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So do its tasks, which are asked before the training which ones they read."""
    read: list[Path] = []
    monkeypatch.setattr(
        Task, "locate", lambda _, find: read.extend(map(find, ("named", "before.safetensors")))
    )
    recipe = OmegaConf.load(TINY)
    recipe["init"] = ["before.safetensors"]
    recipe["init_parts"] = {"tasks.extraction.extractor": {"checkpoint": "named"}}
    OmegaConf.save(recipe, tmp_path / "recipe.yaml")
    shutil.copy(tiny_checkpoint, tmp_path / "before.safetensors")
    tensors, metadata = checkpoint.read(tiny_checkpoint)
    part = "model/tasks.extraction.extractor."
    other = {n: v + 1 if n.startswith(part) else v for n, v in tensors.items()}
    checkpoint.write(tmp_path / "other.safetensors", other, metadata)
    overrides = [*tiny_overrides, f"output={tmp_path / 'run'}", "trainer.max_steps=1"]
    find = {"named": tmp_path / "other.safetensors"}.get
    overrides += ["optimizer.lr=0.0", "optimizer.weight_decay=0.0"]
    trained, described = checkpoint.read(train(tmp_path / "recipe.yaml", overrides, (), (), find))
    named = [n for n in trained if "running_" not in n and "num_batches" not in n]
    assert any(n.startswith(part) for n in named)
    for name in named:
        torch.testing.assert_close(trained[name], other[name], msg=name)
    assert set(read) == {tmp_path / "other.safetensors", tmp_path / "before.safetensors"}
    # as it was written: no path of this machine
    assert described["config"]["init"] == ["before.safetensors"]
