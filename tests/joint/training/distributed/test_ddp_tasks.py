"""Two processes: critics, and tasks without an item, do what they do in one process."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from processes import on_two
from tiny_models import adversarial_model, model_without_items, noise_batch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from joint.model import JointModel, StreamBatch
from joint.scene import SceneBatch
from joint.training import checkpoint
from joint.training.config.schema import OptimizerConfig, TrainerConfig
from joint.training.distributed.fabric import DDPStrategy, Fabric
from joint.training.trainer import Trainer

ROWS = (slice(0, 3), slice(3, 4))
BOTH = ("nothing", "verification")


def part(rows: slice) -> SceneBatch:
    return SceneBatch(**{n: v[rows] for n, v in vars(noise_batch()).items() if v is not None})


def gradients(model: JointModel) -> dict[str, Tensor]:
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


class Batches:
    """Every process gets its rows of the same batch."""

    batch_size = 4

    def __init__(self, rank: int) -> None:
        self.rank = rank

    def batches(self, start: int, workers: int):  # type: ignore[no-untyped-def]
        while True:
            yield part(ROWS[self.rank])


def work(rank: int, folder: str) -> None:
    """What each of two processes does; errors end the test in the parent."""
    dist.init_process_group("gloo")
    game = adversarial_model().eval()
    wrapped = DistributedDataParallel(game)
    wrapped([StreamBatch(part(ROWS[rank]), ("game",))], 0.5).total.backward()
    idle = model_without_items().eval()
    wrapped = DistributedDataParallel(idle)
    output = wrapped([StreamBatch(part(ROWS[rank]), BOTH)], 0.5)
    output.loss.backward()
    dist.all_reduce(loss := output.loss.detach().clone())
    loss /= 2
    if rank == 0:
        torch.save(gradients(game), Path(folder) / "game")
        found = {"loss": loss, **gradients(idle)}
        torch.save(found, Path(folder) / "idle")
    fabric = Fabric(accelerator="cpu", devices=2, num_nodes=1, strategy=DDPStrategy())
    fabric.launch()
    config = TrainerConfig(max_steps=3, precision="float32", log_every=1)
    Trainer(
        fabric,
        adversarial_model(),
        {"noise": (Batches(rank), ["game"], 1)},  # type: ignore[dict-item]
        OptimizerConfig(lr=0.01),
        config,
        Path(folder) / "run",
        {},
        1,
    ).fit()


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ddp")
    on_two(work, str(folder))
    return folder


def test_a_critic_s_gradients_are_those_of_one_process(outcome: Path) -> None:
    alone = adversarial_model().eval()
    alone([StreamBatch(noise_batch(), ("game",))], 0.5).total.backward()
    expected, found = gradients(alone), torch.load(outcome / "game", weights_only=True)
    assert expected.keys() == found.keys() and any("critic" in name for name in found)
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, atol=1e-6, rtol=1e-4, msg=key)


def test_an_adversarial_training_on_two_processes(outcome: Path) -> None:
    tensors, metadata = checkpoint.read(outcome / "run" / "model.safetensors")
    start = adversarial_model().state_dict()
    moved = {n for n, v in start.items() if not torch.equal(tensors[f"model/{n}"], v)}
    assert metadata["trained"]["steps"] == 3
    assert {"tasks.game.critic.0.weight", "tasks.game.generator.0.weight"} <= moved
    assert all(v.isfinite().all() for v in tensors.values())


def test_a_task_without_an_item_on_any_process_weighs_nothing(outcome: Path) -> None:
    found = torch.load(outcome / "idle", weights_only=True)
    alone = model_without_items().eval()
    output = alone([StreamBatch(noise_batch(), BOTH)], 0.5)
    output.loss.backward()
    assert output.loss.isfinite() and output.metrics["nothing/loss"] == 0.0
    torch.testing.assert_close(found.pop("loss"), output.loss.detach())
    for key, value in gradients(alone).items():
        assert value.isfinite().all()
        torch.testing.assert_close(found[key], value, atol=1e-6, rtol=1e-4, msg=key)
