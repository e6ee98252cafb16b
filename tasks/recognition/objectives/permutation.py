"""Permutation-invariant training: which output says what whom says, nobody knows beforehand."""

from functools import cache
from itertools import permutations

import torch
from torch import Tensor

from joint.errors import ConfigError

MOST = 6
"""Outputs: their permutations are all tried."""


@cache
def orders(count: int) -> Tensor:
    """All permutations of `count` places, `(count!, count)`."""
    return torch.tensor(list(permutations(range(count))))


def best_permutation(losses: Tensor) -> tuple[Tensor, Tensor]:
    """Of `losses (B, N, N)`, where `[b, i, j]` is that of output i against source j, the least mean
    over outputs, `(B,)`, and the source of each output, `(B, N)` (Yu et al., ICASSP 2017; Yu, Chang
    and Qian, ICASSP 2017, for recognition).

    Raises ConfigError for more than `MOST` outputs or another number of sources.
    """
    outputs, sources = losses.shape[1:]
    if outputs != sources:
        raise ConfigError("speakers", f"{sources} sources", f"{outputs}, one for each output")
    if outputs > MOST:
        raise ConfigError("speakers", str(outputs), f"{MOST} at most")
    tried = orders(outputs).to(losses.device)
    each = losses[:, torch.arange(outputs, device=losses.device), tried].mean(dim=2)
    least, chosen = each.min(dim=1)
    return least, tried[chosen]
