"""A training killed in the middle of an epoch and resumed is the one that was never killed."""

import json
from pathlib import Path

import pytest
import torch
from processes import train_until_killed
from support import TINY

from joint.training import checkpoint
from joint.training.run import train

RECORDINGS = """
streams:
  recordings:
    tasks: [verification]
    batch_size: 4
    every: 2
    scenes: {speakers: 0, enrollment: 1.0, enrollment_noise_probability: 0.5}
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny recipe with a second stream that has a batch at every other step."""
    path = tmp_path_factory.mktemp("recipe") / "two_streams.yaml"
    from omegaconf import OmegaConf

    OmegaConf.save(OmegaConf.merge(OmegaConf.load(TINY), OmegaConf.create(RECORDINGS)), path)
    return path


def log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_killed_and_resumed(recipe: Path, tiny_overrides: list[str], tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    overrides = [*tiny_overrides, "trainer.max_steps=7", "trainer.accumulate=2"]
    overrides += ["trainer.average_last=2"]
    expected = train(recipe, [*overrides, f"output={whole}"])

    train_until_killed(recipe, [*overrides, f"output={killed}"], step=5)
    assert [line["step"] for line in log(killed)] == [1, 2, 3, 4, 5]
    assert [p.name for p in sorted((killed / "checkpoints").iterdir())] == [
        "step-00000002.safetensors",
        "step-00000004.safetensors",
    ]

    timed = tmp_path / "timed"  # with a checkpoint of time behind every other step
    overrides_timed = [*overrides, "trainer.checkpoint_minutes=1e-6", f"output={timed}"]
    train_until_killed(recipe, overrides_timed, step=5)
    latest = timed / "checkpoints" / "latest.safetensors"
    assert checkpoint.read_metadata(latest)["trainer"]["step"] == 5
    again = checkpoint.read(train(recipe, overrides_timed, resume=True))[0]
    assert [line["step"] for line in log(timed)] == [1, 2, 3, 4, 5, 6, 7]

    found = train(recipe, [*overrides, f"output={killed}"], resume=True)
    same = ("step", "scenes", "loss", "verification/loss", "extraction/loss", "gradient_norm", "lr")
    assert [line["step"] for line in log(killed)] == [1, 2, 3, 4, 5, 6, 7]
    for first, second in zip(log(whole), log(killed), strict=True):
        assert [first[key] for key in same] == [second[key] for key in same]
    expected_tensors, found_tensors = (checkpoint.read(path)[0] for path in (expected, found))
    assert expected_tensors.keys() == found_tensors.keys()
    for name, value in expected_tensors.items():
        assert torch.equal(value, found_tensors[name]), name
        assert torch.equal(value, again[name]), name
