"""Two processes learn what one does."""

import itertools
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from omegaconf import OmegaConf
from processes import on_two
from support import TINY
from tiny_models import learn, noise_batch, tiny_model
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from joint.encoders.view import Switch
from joint.model import JointModel, StreamBatch
from joint.scene import SceneBatch
from joint.training import checkpoint
from joint.training.run import train

BOTH = ("verification", "extraction")
SHARES = {"equal counts": (slice(0, 2), slice(2, 4)), "unequal counts": (slice(0, 3), slice(3, 4))}


def part(batch: SceneBatch, rows: slice) -> SceneBatch:
    values = {n: v[rows] for n, v in vars(batch).items() if v is not None}
    return SceneBatch(**values)


SWITCHES: dict[str, dict[str, Switch]] = {
    "joint": {},
    "adapter": {"verification": "adapter", "extraction": "adapter"},
    "adapter and joint": {"extraction": "adapter"},
}
CASES = list(itertools.product(SWITCHES, SHARES))


def model(switches: str) -> JointModel:
    made = tiny_model({"verification": 0.3, "extraction": 1.0}, SWITCHES[switches]).eval()
    for adapter in made.adapters.values():
        learn(adapter)
    return made


def gradients(of: JointModel) -> dict[str, Tensor]:
    return {n: p.grad for n, p in of.named_parameters() if p.grad is not None}


def work(rank: int, folder: str, recipe: str, overrides: list[str]) -> None:
    """What each of two processes does; errors end the test in the parent."""
    dist.init_process_group("gloo")
    for switches, shares in CASES:
        inner = model(switches)
        wrapped = DistributedDataParallel(inner)
        rows = SHARES[shares][rank]
        wrapped([StreamBatch(part(noise_batch(), rows), BOTH)], 0.5).loss.backward()
        if rank == 0:
            torch.save(gradients(inner), Path(folder) / f"{switches}, {shares}")
    train(Path(recipe), overrides)


@pytest.fixture(scope="module")
def outcome(tiny_overrides: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that two processes left their gradients and a training in."""
    folder = tmp_path_factory.mktemp("ddp")
    recipe = OmegaConf.load(TINY)
    recipe["streams"]["recordings"] = {
        "tasks": ["verification"],
        "batch_size": 4,
        "every": 2,
        "scenes": {"speakers": 0, "enrollment": 0.5},
    }
    recipe["streams"]["mixtures"]["tasks"] = ["extraction"]
    OmegaConf.save(recipe, folder / "recipe.yaml")
    overrides = [*tiny_overrides, f"output={folder / 'run'}", "trainer.max_steps=3"]
    on_two(work, str(folder), str(folder / "recipe.yaml"), overrides)
    return folder


@pytest.mark.parametrize("switches, shares", CASES)
def test_gradients_are_those_of_one_process(outcome: Path, switches: str, shares: str) -> None:
    alone = model(switches)
    alone([StreamBatch(noise_batch(), BOTH)], 0.5).loss.backward()
    expected = gradients(alone)
    found = torch.load(outcome / f"{switches}, {shares}", weights_only=True)
    assert expected.keys() == found.keys()
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, atol=1e-6, rtol=1e-4, msg=key)


def test_a_recipe_trains_on_two_processes(outcome: Path) -> None:
    """One of its streams has a batch at every other step."""
    tensors, metadata = checkpoint.read(outcome / "run" / "model.safetensors")
    assert metadata["trained"]["steps"] == 3
    assert metadata["trained"]["scenes"] == 3 * 4 + 2 * 4
    assert all(v.isfinite().all() for v in tensors.values() if v.is_floating_point())
    assert len((outcome / "run" / "metrics.jsonl").read_text().splitlines()) == 3
