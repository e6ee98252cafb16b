"""Balances in a model, in a training that is stopped and resumed, and on two processes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from processes import on_two
from support import COMMON, TINY
from tiny_models import extraction, noise_batch, tiny_encoder, verification
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

import joint
from joint.balancing.base import Balance
from joint.balancing.gradnorm import GradNorm
from joint.balancing.norms import GradientNorms
from joint.balancing.surgery import GradientSurgery
from joint.balancing.uncertainty import UncertaintyWeighting
from joint.model import JointModel, StreamBatch
from joint.scene import SceneBatch
from joint.training import checkpoint
from joint.training.run import train
from joint.training.trainer import Trainer

BOTH = ("verification", "extraction")
BLOCKS = sorted(path.stem for path in (COMMON / "balances").glob("*.yaml"))
MADE: dict[str, Callable[[], Balance]] = {
    "uncertainty": lambda: UncertaintyWeighting(BOTH, ["extraction"]),
    "gradnorm": lambda: GradNorm(BOTH, ["extraction"], every=1, rate=0.1),
    "gradient_norms": lambda: GradientNorms(BOTH),
    "surgery": lambda: GradientSurgery(BOTH),
}


def model(balance: Balance | None) -> JointModel:
    tasks = {"verification": verification(), "extraction": extraction()}
    weights = {"verification": 0.3}
    return JointModel(tiny_encoder(), tasks, weights, balance=balance).eval()


def gradients(of: JointModel, names: tuple[str, ...] = BOTH) -> dict[str, Tensor]:
    of.zero_grad()
    of([StreamBatch(noise_batch(), names)], 0.5).loss.backward()
    return {n: p.grad.clone() for n, p in of.named_parameters() if p.grad is not None}


def test_each_block_has_its_case() -> None:
    assert sorted(MADE) == BLOCKS


@pytest.mark.parametrize("name", ["gradient_norms", "surgery"])
def test_the_encoder_gets_the_tasks_gradients_by_their_factors(name: str) -> None:
    alone = {task: gradients(model(None), (task,)) for task in BOTH}
    balanced = model(MADE[name]())
    output = balanced([StreamBatch(noise_batch(), BOTH)], 0.5)
    output.loss.backward()
    factors = {task: output.metrics[f"{task}/factor"] for task in BOTH}
    assert len({*factors.values(), 1.0}) > 1
    for key, parameter in balanced.named_parameters():
        if key.startswith("encoder.") and parameter.grad is not None:
            expected = sum(factors[t] * alone[t][key] for t in BOTH if key in alone[t])
            torch.testing.assert_close(parameter.grad, expected, rtol=1e-3, atol=1e-5)
        elif key.startswith("tasks."):
            task = key.split(".")[1]
            torch.testing.assert_close(parameter.grad, alone[task][key], rtol=1e-4, atol=1e-6)


def test_only_tasks_that_train_the_encoder_are_weighed() -> None:
    switches: dict[str, Any] = {"extraction": "frozen"}
    tasks = {"verification": verification(), "extraction": extraction()}
    balanced = JointModel(tiny_encoder(), tasks, switches=switches, balance=MADE["surgery"]())
    output = balanced([StreamBatch(noise_batch(), BOTH)], 0.5)
    assert "verification/factor" in output.metrics and "extraction/factor" not in output.metrics


@pytest.mark.parametrize("name", BLOCKS)
def test_a_resumed_training_is_the_one_that_was_never_stopped(
    name: str, tiny_overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = [*tiny_overrides, f"+balances@balance={name}", "trainer.accumulate=2"]
    settings += [
        "trainer.max_steps=3",
        "trainer.checkpoint_steps=1",
        "streams.mixtures.batch_size=2",
    ]
    whole = train(TINY, [*settings, f"output={tmp_path / 'whole'}"])
    step = Trainer._train_step

    def step_or_stop(trainer: Trainer, *arguments: Any) -> dict[str, float]:
        if trainer.step == 2:
            raise KeyboardInterrupt
        return step(trainer, *arguments)

    monkeypatch.setattr(Trainer, "_train_step", step_or_stop)
    with pytest.raises(KeyboardInterrupt):
        train(TINY, [*settings, f"output={tmp_path / 'stopped'}"])
    monkeypatch.undo()
    resumed = train(TINY, [*settings, f"output={tmp_path / 'stopped'}"], resume=True)
    expected, found = checkpoint.read(whole)[0], checkpoint.read(resumed)[0]
    assert any(key.startswith("model/balance.") for key in expected)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[key], found[key]) for key in expected)
    assert not hasattr(joint.load(resumed).model.balance, "tasks")  # for inference there is none


def part(batch: SceneBatch, rows: slice) -> SceneBatch:
    return SceneBatch(**{n: v[rows] for n, v in vars(batch).items() if v is not None})


def work(rank: int, folder: str) -> None:
    """What each of two processes does: two steps on its part of the batch."""
    dist.init_process_group("gloo")
    found = {}
    for name, make in MADE.items():
        outer = DistributedDataParallel(model(make()))
        for seed in range(2):
            outer.zero_grad()
            rows = slice(0, 3) if rank == 0 else slice(3, 4)
            outer([StreamBatch(part(noise_batch(seed=seed), rows), BOTH)], 0.5).loss.backward()
        found[name] = {n: p.grad for n, p in outer.module.named_parameters() if p.grad is not None}
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_weigh_as_one_does(tmp_path: Path) -> None:
    on_two(work, str(tmp_path))
    for name, make in MADE.items():
        one = model(make())
        for seed in range(2):
            one.zero_grad()
            one([StreamBatch(noise_batch(seed=seed), BOTH)], 0.5).loss.backward()
        expected = {n: p.grad for n, p in one.named_parameters() if p.grad is not None}
        for rank in range(2):
            found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)[name]
            assert found.keys() == expected.keys()
            for key, value in found.items():
                torch.testing.assert_close(value, expected[key], rtol=2e-3, atol=1e-5)
