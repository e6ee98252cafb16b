"""A vocoder learns, leaves the encoder alone, and resumes exactly where it was killed."""

import json
from pathlib import Path

import pytest
import torch
from processes import train_until_killed
from tiny_vocoder import RECIPE

from joint.training import checkpoint
from joint.training.run import train


def log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(tiny_overrides: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training of six steps; the discriminators begin at the fourth."""
    folder = tmp_path_factory.mktemp("vocoder") / "whole"
    train(RECIPE, [*tiny_overrides, f"output={folder}"])
    return folder


def test_killed_and_resumed(whole: Path, tiny_overrides: list[str], tmp_path: Path) -> None:
    """Killed after the discriminators' second step, resumed after their first."""
    killed = tmp_path / "killed"
    overrides = [*tiny_overrides, f"output={killed}"]
    train_until_killed(RECIPE, overrides, step=5)
    assert [line["step"] for line in log(killed)] == [1, 2, 3, 4, 5]
    last = killed / "checkpoints" / "step-00000004.safetensors"
    assert any("discriminators" in name for name in checkpoint.read(last)[0])

    train(RECIPE, overrides, resume=True)
    same = ("step", "loss", "vocoder/mel_error", "gradient_norm", "critic_gradient_norm", "lr")
    for first, second in zip(log(whole), log(killed), strict=True):
        assert [first[key] for key in same] == [second[key] for key in same]
    expected, found = (
        checkpoint.read(folder / "model.safetensors")[0] for folder in (whole, killed)
    )
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert torch.equal(value, found[name]), name


def test_the_discriminators_begin_in_the_middle(whole: Path) -> None:
    lines = log(whole)
    assert [line["step"] for line in lines if "vocoder/adversarial_loss" in line] == [4, 5, 6]
    assert [line["critic_gradient_norm"] > 0.0 for line in lines] == [False] * 3 + [True] * 3


def test_the_encoder_is_untouched(whole: Path, tiny_overrides: list[str], tmp_path: Path) -> None:
    """Weights, buffers and all: after six steps it is what it was after one."""
    train(RECIPE, [*tiny_overrides, f"output={tmp_path / 'one'}", "trainer.max_steps=1"])
    first, last = (
        checkpoint.read(folder / "model.safetensors")[0] for folder in (tmp_path / "one", whole)
    )
    encoder = {name for name in first if name.startswith("model/encoder.")}
    assert encoder and all(torch.equal(first[name], last[name]) for name in encoder)
    assert any(not torch.equal(first[name], last[name]) for name in first.keys() - encoder)


def test_it_learns(tiny_overrides: list[str], tmp_path: Path) -> None:
    """Forty steps of four half seconds: the mel error of a batch falls from 1.8 to 1."""
    folder = tmp_path / "run"
    train(RECIPE, [*tiny_overrides, f"output={folder}", "trainer.max_steps=40"])
    errors = [line["vocoder/mel_error"] for line in log(folder)]
    assert sum(errors[:5]) / 5 > 1.5
    assert sum(errors[-5:]) / 5 < 1.15
