"""What the processes of one training have in common."""

import torch.distributed as dist
from torch import Tensor


def averaged(values: Tensor) -> Tensor:
    """The mean of `values` over processes."""
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(values)
        values = values / dist.get_world_size()
    return values
