"""A critic trains against its task: separate gradients, separate optimizers, exact resume."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import adversarial_model, noise_batch
from torch import Tensor

from joint.model import JointModel, StreamBatch
from joint.scene import SceneBatch
from joint.training import checkpoint
from joint.training.config.schema import GroupConfig, OptimizerConfig, TrainerConfig
from joint.training.distributed.fabric import Fabric
from joint.training.optimizers import CRITIC, MAIN
from joint.training.trainer import Trainer

CONFIG = TrainerConfig(max_steps=6, precision="float32", checkpoint_steps=2, log_every=1)


class Batches:
    """A stream of noise."""

    batch_size = 4

    def batches(self, start: int, workers: int) -> Iterator[SceneBatch]:
        yield from (noise_batch(seed=number) for number in range(start, 100))


def trainer(folder: Path, optimizer: OptimizerConfig | None = None) -> Trainer:
    fabric = Fabric(accelerator="cpu", devices=1)
    streams: Any = {"noise": (Batches(), ["game"], 1)}
    config = optimizer or OptimizerConfig(lr=0.01)
    return Trainer(fabric, adversarial_model(), streams, config, CONFIG, folder, {}, 1)


def gradients(model: JointModel) -> dict[str, Tensor]:
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def is_critic(name: str) -> bool:
    return name.startswith("tasks.game.critic.")


def test_each_loss_moves_its_own_parameters_alone() -> None:
    model = adversarial_model()
    batch = [StreamBatch(noise_batch(), ("game",))]
    torch.manual_seed(0)
    model(batch, 0.5).loss.backward()
    main = gradients(model)
    assert main and not any(map(is_critic, main))
    assert any(name.startswith("encoder.") for name in main)
    model.zero_grad()
    torch.manual_seed(0)
    output = model(batch, 0.5)
    output.critic_loss.backward()
    critic = gradients(model)
    assert critic and all(map(is_critic, critic))
    assert {"game/loss", "game/critic_loss"} <= output.metrics.keys()
    # one backward pass gives both
    model.zero_grad()
    torch.manual_seed(0)
    model(batch, 0.5).total.backward()
    together = gradients(model)
    assert together.keys() == main.keys() | critic.keys()
    for name, value in {**main, **critic}.items():
        torch.testing.assert_close(together[name], value)
    assert all(p.requires_grad for p in model.parameters())


def test_the_critic_does_not_run_the_encoder_again() -> None:
    model, runs = adversarial_model(), []
    model.encoder.backbone.register_forward_hook(lambda *_: runs.append(None))
    model([StreamBatch(noise_batch(), ("game",))], 0.5)
    assert len(runs) == 1


def test_an_optimizer_of_its_own(tmp_path: Path) -> None:
    groups = {"tasks.game.critic": GroupConfig(lr_scale=0.0)}
    made = trainer(tmp_path, OptimizerConfig(lr=0.01, weight_decay=0.0, groups=groups))
    named = {id(p): n for n, p in made.model.named_parameters()}
    owned = {
        kind: {named[id(p)] for group in optimizer.param_groups for p in group["params"]}
        for kind, optimizer in made.optimizers.items()
    }
    assert owned[CRITIC] == {n for n in named.values() if is_critic(n)}
    assert not owned[CRITIC] & owned[MAIN]
    before = {n: p.detach().clone() for n, p in made.model.named_parameters()}
    made.fit()
    moved = {n for n, p in made.model.named_parameters() if not torch.equal(p, before[n])}
    assert moved == owned[MAIN]


class Killed(BaseException):
    """The process ends."""


def test_killed_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = checkpoint.read(trainer(tmp_path / "whole").fit())
    killed = trainer(tmp_path / "killed")
    step = killed._train_step

    def step_or_die(*arguments: Any) -> dict[str, float]:
        if killed.step == 5:
            raise Killed
        return step(*arguments)

    monkeypatch.setattr(killed, "_train_step", step_or_die)
    with pytest.raises(Killed):
        killed.fit()
    resumed = trainer(tmp_path / "killed")
    assert resumed.resume() and resumed.step == 4
    # the critic's moments too: without them its next steps would be others
    assert resumed.optimizers[CRITIC].state and resumed.optimizers[MAIN].state
    found, _ = checkpoint.read(resumed.fit())
    assert expected.keys() == found.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    start = adversarial_model().state_dict()
    learnt = {n for n in start if not torch.equal(found[f"model/{n}"], start[n])}
    assert any(map(is_critic, learnt)) and any("generator" in name for name in learnt)


def test_a_critic_that_is_no_number_stops_both(tmp_path: Path) -> None:
    made = trainer(tmp_path)
    made.config = replace(CONFIG, max_steps=1)
    with torch.no_grad():
        made.model.tasks["game"].critic[2].bias.fill_(float("inf"))  # type: ignore[index,union-attr]
    before = {n: v.clone() for n, v in made.model.state_dict().items()}
    made.fit()
    assert made.bad_steps == 1
    assert all(torch.equal(v, before[n]) for n, v in made.model.state_dict().items())
