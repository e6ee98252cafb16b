"""Fully sharded training (FSDP): each process holds a share of every weight, gradient and moment.

Zhao et al., "PyTorch FSDP: Experiences on Scaling Fully Sharded Data Parallel", VLDB 2023.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from joint.errors import ConfigError

if TYPE_CHECKING:
    from joint.model import JointModel
    from joint.training.distributed.fabric import Fabric, ModelParallelStrategy


# What shards is imported where it is used: reading a checkpoint must not wait for it.


def sharding_strategy(processes: int) -> "ModelParallelStrategy":
    """Fabric's strategy for it. The model is sharded by `shard`, before its optimizers are made."""
    from joint.training.distributed.fabric import ModelParallelStrategy

    return ModelParallelStrategy(
        lambda model, mesh: model, data_parallel_size=processes, tensor_parallel_size=1
    )


def shard(model: "JointModel", fabric: "Fabric") -> None:
    """Shard the parameters of `model` in place, where `fabric` has the strategy for it; the weights
    of one layer of a stack at a time are gathered, when that layer computes.

    Raises ConfigError where a task's switch is not `joint`: it computes with parameters of its own.
    """
    from torch.distributed.fsdp import fully_shard

    from joint.training.distributed.fabric import ModelParallelStrategy

    if not isinstance(fabric.strategy, ModelParallelStrategy):
        return
    for name in model.active:
        if model.switches[name] != "joint":
            found = f"fsdp with tasks.{name}.encoder: {model.switches[name]}"
            raise ConfigError("trainer.strategy", found, "ddp, or joint for all tasks")
    mesh = fabric.strategy.device_mesh["data_parallel"]
    model.to(fabric.device)
    for stack in [m for m in model.encoder.modules() if isinstance(m, nn.ModuleList)]:
        for layer in stack:
            if any(True for _ in layer.parameters()):
                fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)


@contextmanager
def gathered(model: nn.Module) -> Iterator[None]:
    """Every process has all weights within the block: for what is not the model's `forward`."""
    parts: list[Any] = [part for part in model.modules() if hasattr(part, "unshard")]
    for part in parts:
        part.set_reshard_after_forward(False)
        part.unshard()
    try:
        yield
    finally:
        for part in parts:
            part.reshard()
            part.set_reshard_after_forward(part is not model)  # as fully_shard sets it


def is_sharded(model: nn.Module) -> bool:
    """Whether `shard` has sharded it."""
    return hasattr(model, "unshard")


def whole(value: Any) -> Any:
    """A tensor with all of its shares; every process has to call it. Anything else as it is."""
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def as_shared(value: Tensor, like: Tensor) -> Tensor:
    """`value` as this process holds `like`: its share where `like` is sharded and of that shape."""
    if not hasattr(like, "full_tensor") or value.shape != like.shape:
        return value
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(like, DTensor)
    local = value.to(like.device_mesh.device_type, like.dtype)
    with torch.no_grad():
        return distribute_tensor(local, like.device_mesh, like.placements)
