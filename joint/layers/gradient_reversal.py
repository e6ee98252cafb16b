"""Gradient reversal: the layers below are trained against the task above."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from joint.errors import ConfigError


class _Reversed(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, strength: float) -> Tensor:
        context.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0].mul(-context.strength), None


class GradientReversal(nn.Module):
    """Identity whose gradient is multiplied by −λ (Ganin and Lempitsky, ICML 2015, eq. 14).

    λ rises over the training, as strength · (2 / (1 + exp(−rise · progress)) − 1); with `rise` 0 it
    is `strength` from the beginning.
    """

    def __init__(self, strength: float = 1.0, rise: float = 10.0) -> None:
        super().__init__()
        if strength < 0 or rise < 0:
            raise ConfigError("gradient reversal", f"{strength:g}, {rise:g}", "numbers from 0 on")
        self.strength, self.rise = strength, rise

    def factor(self, progress: float) -> float:
        """λ at `progress`, 0 to 1."""
        if self.rise == 0:
            return self.strength
        return self.strength * (2.0 / (1.0 + math.exp(-self.rise * progress)) - 1.0)

    def forward(self, x: Tensor, progress: float) -> Tensor:
        """`x` as it is."""
        reversed_: Tensor = _Reversed.apply(x, self.factor(progress))
        return reversed_
