"""A linear layer for each of several groups, as one batched matrix product."""

import math

import torch
from torch import Tensor, nn


class GroupedLinear(nn.Module):
    """One linear layer for each of `count` groups, `(…, count, in)` → `(…, count, out)`."""

    def __init__(self, count: int, input_dim: int, output_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(count, input_dim, output_dim))
        self.bias = nn.Parameter(torch.zeros(count, 1, output_dim))
        bound = 1.0 / math.sqrt(input_dim)
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        shape = x.shape
        rows = x.reshape(-1, shape[-2], shape[-1]).transpose(0, 1)
        y = torch.baddbmm(self.bias.to(rows.dtype), rows, self.weight.to(rows.dtype))
        return y.transpose(0, 1).reshape(*shape[:-1], -1)
