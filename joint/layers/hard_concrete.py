"""Gates that training shuts for good: exactly 0 with a probability that has a gradient."""

import math

import torch
from torch import Tensor, nn

from joint.errors import ConfigError

TEMPERATURE = 2.0 / 3.0
LOW, HIGH = -0.1, 1.1
"""β, γ and ζ of the paper: the interval that samples are stretched to before they are clamped."""


class HardConcrete(nn.Module):
    """A gate in [0, 1] for each of `size` units, by the hard concrete distribution (Louizos,
    Welling, Kingma, "Learning sparse neural networks through L0 regularization", ICLR 2018,
    eq. 10 to 13).

    In training each call draws one for every unit; otherwise they are what eq. 13 says, 0 and 1 for
    most. In the beginning a unit is dropped with probability `dropped`, and all are open in eval
    mode.

    Raises ConfigError for a probability outside 0 to 1.
    """

    def __init__(self, size: int, dropped: float = 0.01) -> None:
        super().__init__()
        if not 0.0 < dropped < 1.0:
            raise ConfigError("dropped", str(dropped), "between 0 and 1")
        start = math.log(1.0 - dropped) - math.log(dropped)
        self.log_alpha = nn.Parameter(torch.full((size,), start))

    def forward(self) -> Tensor:
        """The gates, `(size,)`."""
        logit: Tensor = self.log_alpha
        if self.training:
            uniform = torch.rand_like(logit).clamp(1e-6, 1.0 - 1e-6)
            logit = (uniform.log() - (1.0 - uniform).log() + logit) / TEMPERATURE
        return (logit.sigmoid() * (HIGH - LOW) + LOW).clamp(0.0, 1.0)

    def open_probability(self) -> Tensor:
        """The probability that a gate drawn in training is not 0, `(size,)`."""
        return (self.log_alpha - TEMPERATURE * math.log(-LOW / HIGH)).sigmoid()
