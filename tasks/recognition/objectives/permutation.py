"""Permutation-invariant training: the assignment of outputs to speakers is part of the loss."""

from functools import cache
from itertools import permutations

import torch
from torch import Tensor

from joint.errors import ConfigError

MOST = 6
"""Outputs, as all their permutations are tried."""


@cache
def orders(count: int) -> Tensor:
    """All permutations of `count` places, `(count!, count)`."""
    return torch.tensor(list(permutations(range(count))))


UNFIT = 1e6
"""What a pair that does not fit costs, in nats, when permutations are compared."""


def best_permutation(losses: Tensor, fits: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The least mean over outputs, `(B,)`, of `losses (B, N, N)`, where `[b, i, j]` is the loss of
    output i against source j, and the source of each output, `(B, N)` (Yu et al., ICASSP 2017; Yu,
    Chang and Qian, ICASSP 2017, for recognition).

    Pairs that are not `fits (B, N, N)`, as their loss is 0 for want of an alignment, are chosen
    only where nothing else is possible.

    Raises ConfigError for more than `MOST` outputs or another number of sources.
    """
    outputs, sources = losses.shape[1:]
    if outputs != sources:
        raise ConfigError("speakers", f"{sources} sources", f"{outputs}, one for each output")
    if outputs > MOST:
        raise ConfigError("speakers", str(outputs), f"{MOST} at most")
    tried = orders(outputs).to(losses.device)
    each = losses[:, torch.arange(outputs, device=losses.device), tried].mean(dim=2)
    if fits is None:
        least, chosen = each.min(dim=1)
        return least, tried[chosen]
    unfit = (~fits)[:, torch.arange(outputs, device=losses.device), tried].sum(dim=2)
    chosen = (each.detach() + UNFIT * unfit).argmin(dim=1)
    return each.gather(1, chosen[:, None]).squeeze(1), tried[chosen]
