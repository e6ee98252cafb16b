"""Two processes: a vocoder whose discriminators begin late learns what it does in one."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from processes import on_two
from tiny_vocoder import RECIPE, batch_of, vocoder_model
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from joint.model import JointModel, StreamBatch
from joint.training import checkpoint
from joint.training.run import train

ROWS = (slice(0, 3), slice(3, 4))
PROGRESS = {"before the discriminators": 0.25, "with them": 0.5}


def gradients(model: JointModel, module: torch.nn.Module, rows: Tensor, progress: float) -> dict:
    """Of both losses; the cut that the discriminators see is drawn from the same seed."""
    torch.manual_seed(0)
    module([StreamBatch(batch_of(rows), ("vocoder",))], progress).total.backward()
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


def work(rank: int, folder: str, overrides: list[str]) -> None:
    """What each of two processes does; errors end the test in the parent."""
    dist.init_process_group("gloo")
    recordings = torch.load(Path(folder) / "recordings", weights_only=True)
    for name, progress in PROGRESS.items():
        model = vocoder_model().eval()
        wrapped = DistributedDataParallel(model)
        found = gradients(model, wrapped, recordings[ROWS[rank]], progress)
        if rank == 0:
            torch.save(found, Path(folder) / name)
    train(RECIPE, overrides)


@pytest.fixture(scope="module")
def outcome(
    recordings: Tensor, tiny_overrides: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder that two processes left their gradients and a training in."""
    folder = tmp_path_factory.mktemp("ddp")
    torch.save(recordings, folder / "recordings")
    overrides = [*tiny_overrides, f"output={folder / 'run'}", "trainer.max_steps=4"]
    on_two(work, str(folder), overrides)
    return folder


@pytest.mark.parametrize("name", PROGRESS)
def test_gradients_are_those_of_one_process(outcome: Path, recordings: Tensor, name: str) -> None:
    model = vocoder_model().eval()
    expected = gradients(model, model, recordings, PROGRESS[name])
    found = torch.load(outcome / name, weights_only=True)
    assert expected.keys() == found.keys()
    assert any("vocoder.vocoder." in key for key in found)
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, atol=1e-5, rtol=1e-3, msg=key)
    critic = [value for key, value in found.items() if "discriminators" in key]
    assert critic and any(bool(value.any()) for value in critic) == (name == "with them")


def test_a_training_on_two_processes(outcome: Path) -> None:
    tensors, metadata = checkpoint.read(outcome / "run" / "model.safetensors")
    assert metadata["trained"]["steps"] == 4 and metadata["trained"]["scenes"] == 16
    assert all(v.isfinite().all() for v in tensors.values() if v.is_floating_point())
    metrics = (outcome / "run" / "metrics.jsonl").read_text().splitlines()
    assert ["vocoder/adversarial_loss" in line for line in metrics] == [False, False, True, True]
