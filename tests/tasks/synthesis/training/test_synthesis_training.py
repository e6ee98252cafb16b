"""A synthesis training that ends in the middle resumes as if it had not; one without phones is
refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from support import ROOT

from joint.training import checkpoint
from joint.training.run import train
from joint.training.trainer import Trainer

SPEAKING = ROOT / "tests" / "speaking.yaml"
KINDS = ("synthesis", "conversion")


def recipe_of(folder: Path, *tasks: str) -> Path:
    """The small voices of these tasks alone."""
    recipe = OmegaConf.load(SPEAKING)
    recipe.tasks = {name: recipe.tasks[name] for name in tasks}
    recipe.streams.sentences.tasks = list(tasks)
    OmegaConf.save(recipe, folder / "recipe.yaml")
    return folder / "recipe.yaml"


class Killed(BaseException):
    """The process ends."""


def test_killed_and_resumed(aligned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_of(tmp_path, *KINDS)
    overrides = [f"data.train={aligned}", "trainer.max_steps=5"]
    whole = train(recipe, [*overrides, f"output={tmp_path / 'whole'}"])
    step = Trainer._train_step

    def step_or_die(trainer: Trainer, *arguments: Any) -> dict[str, float]:
        if trainer.step == 3:
            raise Killed
        return step(trainer, *arguments)

    killed = [*overrides, f"output={tmp_path / 'killed'}"]
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_train_step", step_or_die)
        with pytest.raises(Killed):
            train(recipe, killed)
    resumed = train(recipe, killed, resume=True)
    expected, found = (checkpoint.read(path)[0] for path in (whole, resumed))
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
    assert found["model/tasks.synthesis.acoustic.deviation"].all()


@pytest.mark.parametrize("kind", KINDS)
def test_an_unaligned_corpus(
    prepared: Path, tmp_path: Path, kind: str, refused: Callable[..., str]
) -> None:
    recipe, output = recipe_of(tmp_path, kind), tmp_path / "run"
    given = (f"data.train={prepared / 'train'}", f"output={output}")
    line = refused("train", recipe, *given)
    assert "found no phones; expected a folder aligned by 'joint align'" in line
    assert "data.train" in line and not output.exists()
