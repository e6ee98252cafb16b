"""Connectionist temporal classification (Graves et al., ICML 2006): the loss and the best path."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

BLANK = 0
"""The symbol between others; among phones it is silence."""


def ctc_losses(
    log_probabilities: Tensor, frames: Tensor, targets: Tensor, counts: Tensor
) -> Tensor:
    """Negative log-likelihood of each sequence, `(B,)` in nats; 0, without a gradient, where it is
    not `alignable`: such a value must never be compared with others.

    `log_probabilities (B, F, V)` float32, of which `frames (B,)` count; `targets (B, P)`, of which
    `counts (B,)` do.
    """
    return F.ctc_loss(
        log_probabilities.transpose(0, 1),
        targets.clamp(min=0),
        frames,
        counts,
        BLANK,
        "none",
        zero_infinity=True,
    )


def alignable(frames: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
    """Whether each sequence of `targets (B, P)`, of which `counts (B,)` count, fits into its
    `frames (B,)`: a frame for each symbol and one for the blank between two equal ones, `(B,)`."""
    place = torch.arange(targets.shape[1], device=targets.device)[1:]
    equal = (targets[:, 1:] == targets[:, :-1]) & (place < counts[:, None])
    return counts + equal.sum(dim=1) <= frames


class Emission(NamedTuple):
    """A symbol of a path, and its frames from `start` to before `end`."""

    symbol: int
    start: int
    end: int


def emissions(path: Tensor) -> list[Emission]:
    """The symbols of a path `(F,)` with their frames, without repetitions and blanks."""
    symbols, counts = torch.unique_consecutive(path, return_counts=True)
    ends = counts.cumsum(dim=0)
    rows = zip(symbols.tolist(), (ends - counts).tolist(), ends.tolist(), strict=True)
    return [Emission(*row) for row in rows if row[0] != BLANK]


def collapsed(path: Tensor) -> list[int]:
    """The symbols of a path `(F,)`, without repetitions and blanks."""
    return [symbol for symbol, _, _ in emissions(path)]
