"""Losses weighed so that all tasks learn at one rate (GradNorm; Chen et al., ICML 2018)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from joint.balancing.base import Balance, TaskLoss, named, weighted_sum
from joint.balancing.gradients import gradients_by_parameters

LEAST = 1e-3
"""The smallest factor: one of 0 would never grow again."""


class GradNorm(Balance):
    """Factors that move the norm of each task's gradient towards the mean norm, times the task's
    relative inverse rate of training to the power `alpha` (Chen, Badrinarayanan, Lee, Rabinovich,
    "GradNorm: gradient normalization for adaptive loss balancing in deep multitask networks", ICML
    2018, equations 1 and 2).

    The gradients are those by all of the encoder's parameters, where the paper takes one layer.
    They are measured at every `every`-th step, at a backward pass for each task; the step on the
    factors is `rate` times the derivative of the paper's loss as a share of the mean norm. Factors
    add up to the number of tasks.

    Shapes: `factors (T,)`, `first_values (T,)`, in the order of `tasks`.
    """

    factors: Tensor
    first_values: Tensor
    steps: Tensor

    def __init__(
        self,
        tasks: Sequence[str],
        decibels: Sequence[str] = (),
        alpha: float = 1.5,
        rate: float = 0.025,
        every: int = 10,
    ) -> None:
        super().__init__(tasks, decibels)
        self.alpha, self.rate, self.every = alpha, rate, every
        self.register_buffer("factors", torch.ones(len(self.tasks)))
        self.register_buffer("first_values", torch.zeros(len(self.tasks)))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(
        self, losses: Sequence[TaskLoss], encoder: nn.Module
    ) -> tuple[Tensor, dict[str, float]]:
        """See Balance. Where some tasks have no loss in a step, the others are weighed."""
        places = self.places(losses)
        if len(losses) > 1 and int(self.steps) % self.every == 0:
            values = self.values(losses)
            first = self.first_values[places]
            self.first_values[places] = torch.where(first > 0, first, values)
            norms = gradients_by_parameters(losses, encoder).norm(dim=1)
            present = (values > 0) & (norms > 0)
            if int(present.sum()) > 1:
                there = places[present]
                ratios = values[present] / self.first_values[there]
                self._move(there, norms[present], ratios / ratios.mean())
        self.steps += 1
        factors = self.factors[places].clone()
        return weighted_sum(losses, factors), dict(named(losses, factors))

    def _move(self, places: Tensor, norms: Tensor, inverse_rates: Tensor) -> None:
        """A step of the factors at `places`, whose sum stays."""
        before = self.factors[places]
        weighted = before * norms
        aimed_at = weighted.mean() * inverse_rates**self.alpha
        slope = (weighted - aimed_at).sign() * norms / weighted.mean()
        after = (before - self.rate * slope).clamp(min=LEAST)
        self.factors[places] = after * before.sum() / after.sum()
