"""What the processes of one training have in common."""

import torch
import torch.distributed as dist
from torch import Tensor


def averaged(values: Tensor) -> Tensor:
    """The mean of `values` over processes."""
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(values)
        values = values / dist.get_world_size()
    return values


def drawn_together(probability: float, device: torch.device) -> bool:
    """Whether something of `probability` happens in this step: the first process draws for all, so
    that all compute, and exchange, the same parts of the model."""
    drawn = torch.rand(()).to(device)
    if dist.is_available() and dist.is_initialized():
        dist.broadcast(drawn, 0)
    return float(drawn) < probability
