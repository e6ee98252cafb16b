"""Extraction trains with all its objectives on mixtures of three, and resumes exactly."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from joint.training import checkpoint
from joint.training.building.model import load_model
from joint.training.config.schema import load_config
from joint.training.optimizers import make_optimizers, set_rate
from joint.training.run import train
from tasks.extraction.task import ExtractionTask

RECIPE = Path(__file__).with_name("ideas.yaml")


def log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(tiny_overrides: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training of six steps; the critic begins at the fourth."""
    folder = tmp_path_factory.mktemp("extraction") / "whole"
    train(RECIPE, [*tiny_overrides, f"output={folder}"])
    return folder


def test_every_objective_takes_part(whole: Path) -> None:
    lines = log(whole)
    assert len(lines) == 6
    assert all(line["extraction/confusion_loss"] > 0 for line in lines)
    assert [line["step"] for line in lines if "extraction/adversarial_loss" in line] == [4, 5, 6]
    assert [line["critic_gradient_norm"] > 0 for line in lines] == [False] * 3 + [True] * 3


def test_it_resumes_exactly(whole: Path, tiny_overrides: list[str], tmp_path: Path) -> None:
    """From the fourth step, in which the critic has trained once."""
    resumed = shutil.copytree(whole, tmp_path / "resumed")
    (resumed / "model.safetensors").unlink()
    (resumed / "checkpoints" / "step-00000006.safetensors").unlink()
    train(RECIPE, [*tiny_overrides, f"output={resumed}"], resume=True)
    for name in ("model.safetensors", "checkpoints/step-00000006.safetensors"):
        expected, found = (checkpoint.read(folder / name)[0] for folder in (whole, resumed))
        assert expected.keys() == found.keys()
        for tensor, value in expected.items():
            assert torch.equal(value, found[tensor]), tensor
    same = ("loss", "extraction/confusion_loss", "extraction/critic_loss", "gradient_norm")
    assert [log(whole)[5].get(key) for key in same] == [log(resumed)[-1].get(key) for key in same]


def test_the_encoder_learns_more_slowly(whole: Path) -> None:
    """The block of two rates, and what it makes of the optimizer's groups."""
    model, _ = load_model(whole / "model.safetensors")
    model.requires_grad_(True)
    config = load_config(RECIPE, ["data.train=nowhere"]).optimizer
    optimizers = make_optimizers(model, config)
    set_rate(optimizers.values(), 1e-3)
    owners = {id(p): n for n, p in model.named_parameters()}
    rates: dict[str, set[tuple[float, float]]] = {}
    for group in optimizers["main"].param_groups:
        for parameter in group["params"]:
            part = ".".join(owners[id(parameter)].split(".")[:3])
            part = part if part.startswith("tasks") else "encoder"
            rates.setdefault(part, set()).add((group["lr"], group["weight_decay"]))
    assert rates == {
        "encoder": {(1e-4, 0.01), (1e-4, 0.0)},
        "tasks.extraction.extractor": {(1e-3, 1e-4), (1e-3, 0.0)},
    }


def test_the_checkpoint_extracts_in_two_passes(whole: Path) -> None:
    model, _ = load_model(whole / "model.safetensors")
    task = model.task("extraction")
    assert isinstance(task, ExtractionTask)
    assert task.second_pass.inference and task.critic is not None
    assert task.criterion.absent_weight == 0.5
