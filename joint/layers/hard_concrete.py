"""Gates that training shuts for good: exactly 0 with a probability that has a gradient."""

import math

import torch
from torch import Tensor, nn

from joint.errors import ConfigError

TEMPERATURE = 2.0 / 3.0
LOW, HIGH = -0.1, 1.1
"""β, γ and ζ of the paper: the interval that samples are stretched to before they are clamped."""
SHIFT = TEMPERATURE * math.log(-LOW / HIGH)
"""The log α of a gate that is open every other time."""


class HardConcrete(nn.Module):
    """A gate in [0, 1] for each of `size` units, by the hard concrete distribution (Louizos,
    Welling, Kingma, "Learning sparse neural networks through L0 regularization", ICLR 2018,
    eq. 10 to 13).

    In training each call draws one for every unit. Otherwise as many units as a draw leaves open on
    average, the most probable ones, have what eq. 13 says, 1 for most, and the others 0 (Wang,
    Wohlwend, Lei, "Structured pruning of large language models", EMNLP 2020, §3). In the beginning
    a unit is dropped with probability `dropped`.

    Raises ConfigError for a probability outside 0 to 1.
    """

    def __init__(self, size: int, dropped: float = 0.01) -> None:
        super().__init__()
        if not 0.0 < dropped < 1.0:
            raise ConfigError("dropped", str(dropped), "between 0 and 1")
        start = math.log(1.0 - dropped) - math.log(dropped) + SHIFT
        self.log_alpha = nn.Parameter(torch.full((size,), start))

    def forward(self) -> Tensor:
        """The gates, `(size,)`."""
        logit: Tensor = self.log_alpha
        if self.training:
            uniform = torch.rand_like(logit).clamp(1e-6, 1.0 - 1e-6)
            logit = (uniform.log() - (1.0 - uniform).log() + logit) / TEMPERATURE
        gates = (logit.sigmoid() * (HIGH - LOW) + LOW).clamp(0.0, 1.0)
        return gates if self.training else gates * self.stays()

    def open_probability(self) -> Tensor:
        """The probability that a gate drawn in training is not 0, `(size,)`."""
        return (self.log_alpha - SHIFT).sigmoid()

    @torch.no_grad()
    def stays(self) -> Tensor:
        """Which units pruning keeps, `(size,)` bool: the most probable ones, as many as a draw
        leaves open on average, rounded; one at least."""
        count = self.open_probability().sum().round().clamp(min=1.0)
        order = self.log_alpha.argsort(descending=True, stable=True)
        return order.argsort() < count
