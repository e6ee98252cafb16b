"""A switch that trains nothing is refused when the first gradients are there."""

from functools import partial
from pathlib import Path

import pytest
import torch
from support import TINY, Refused
from tiny_models import learn, noise_batch, tiny_encoder, verification
from torch.nn.parallel import DistributedDataParallel

from joint.adapters.low_rank import LowRank
from joint.encoders.view import Switch
from joint.errors import ConfigError
from joint.model import JointModel, StreamBatch
from joint.training.reached import check_gradients
from tasks.extraction.extractors.embedding_free.usef_tfgridnet import UsefTfGridNet
from tasks.extraction.task import ExtractionTask

FREE = partial(
    UsefTfGridNet, window=128, hop=64, features=4, depth=1, hidden=4, heads=1, query_dim=32
)


def stepped(switch: Switch, beside: bool = False) -> JointModel:
    """A model with an extractor that reads no embedding, after a backward pass."""
    encoder = tiny_encoder()
    tasks = {"extraction": ExtractionTask(12, FREE)}
    if beside:
        tasks["verification"] = verification()  # type: ignore[assignment]
    adapters = {"extraction": LowRank(encoder, rank=2)} if switch == "adapter" else {}
    for adapter in adapters.values():
        learn(adapter)
    model = JointModel(encoder, tasks, switches={"extraction": switch}, adapters=adapters)
    batch = noise_batch(2, enrolled=1, samples=4800)
    model([StreamBatch(batch, list(tasks))], 0.5).loss.backward()
    return model


@pytest.mark.parametrize("switch", ["joint", "adapter"])
def test_an_encoder_that_nothing_reads(switch: Switch) -> None:
    model = stepped(switch)
    expected = f"tasks.extraction.encoder: found {switch}, but no gradient reaches the encoder"
    with pytest.raises(ConfigError, match=expected):
        check_gradients(model, model)


def test_one_that_is_frozen_or_that_another_task_reads() -> None:
    for model in (stepped("frozen"), stepped("joint", beside=True)):
        check_gradients(model, model)


def test_parallel_processes_wait_for_every_gradient(tmp_path: Path) -> None:
    model = stepped("frozen")
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1
    )
    try:
        waiting = DistributedDataParallel(model)
        check_gradients(model, waiting)
        model.task("extraction").extractor.decode.conv.bias.grad = None  # type: ignore[union-attr]
        expected = r"tasks\.extraction\.extractor\.decode\.conv\.bias: found no gradient"
        with pytest.raises(ConfigError, match=expected):
            check_gradients(model, waiting)
        check_gradients(model, DistributedDataParallel(model, find_unused_parameters=True))
    finally:
        torch.distributed.destroy_process_group()


def test_a_training_says_so_in_one_line(
    refused: Refused, tiny_overrides: list[str], tmp_path: Path
) -> None:
    extractor = f"{UsefTfGridNet.__module__}.UsefTfGridNet"
    keys = {"_target_": extractor, "_partial_": True, **FREE.keywords}
    recipe = TINY.read_text()
    begin, end = (
        recipe.index("        _target_: tasks.extraction.extractors"),
        recipe.index("      criterion: {_target_: tasks.extraction"),
    )
    block = "".join(f"        {key}: {value}\n" for key, value in keys.items())
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe[:begin] + block.replace("True", "true") + recipe[end:])
    run = tmp_path / "run"
    line = refused("train", path, *tiny_overrides, "tasks.verification.weight=0", f"output={run}")
    assert "tasks.extraction.encoder: found joint, but no gradient" in line
    assert not run.exists()
