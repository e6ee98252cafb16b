"""Fabric on the processes of one machine or of several."""

import os
from typing import Any

import torch

from joint.errors import ConfigError
from joint.training.config.schema import RecipeConfig
from joint.training.distributed.fabric import DDPStrategy, Fabric
from joint.training.distributed.sharding import sharding_strategy


def launched(config: RecipeConfig) -> Fabric:
    """Fabric on the machines that `torchrun` started, or on this process alone."""
    accelerator = config.trainer.accelerator
    distributed = torch.distributed.is_torchelastic_launched()
    sharded = config.trainer.strategy == "fsdp"
    if sharded and not distributed:
        raise ConfigError("trainer.strategy", "fsdp on one process", "several, under torchrun")
    # a task whose stream has no batch in a step leaves its parameters without gradient, and a task
    # that reads an inner layer of the encoder leaves those of its adapter above that layer
    idle = any(stream.every > 1 for stream in config.streams.values())
    idle = idle or any(task.encoder == "adapter" for task in config.tasks.values())
    strategy: Any = DDPStrategy(find_unused_parameters=idle) if distributed else "auto"
    if sharded:
        strategy = sharding_strategy(local_processes() * nodes())
    fabric = Fabric(
        accelerator=accelerator,
        devices="auto" if distributed and accelerator != "cpu" else local_processes(),
        num_nodes=nodes(),
        strategy=strategy,
    )
    fabric.launch()
    if fabric.device.type == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32 where autocast leaves float32
    return fabric


def local_processes() -> int:
    """Processes on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def nodes() -> int:
    """Machines."""
    return int(os.environ.get("WORLD_SIZE", "1")) // local_processes()
