"""Losses weighed by the noise of each task, which is learnt (Kendall et al., CVPR 2018)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from joint.balancing.base import Balance, TaskLoss, named


class UncertaintyWeighting(Balance):
    """`Σ weight · (exp(-s) · loss + s)`, with a learnt logarithm `s` of each task's variance: twice
    equation 7 of Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to weigh losses
    for scene geometry and semantics", CVPR 2018.

    Where it stands still, `exp(s)` is the loss, so that each task counts by its relative error: a
    loss in dB by 0.23 a dB. There `s` begins, by each task's first loss, where the paper begins at
    0; it is learnt at the rate of the optimizer's group `balance`.

    Shapes: `log_variances (T,)`, relative to `first_values (T,)`, in the order of `tasks`.
    """

    first_values: Tensor

    def __init__(self, tasks: Sequence[str], decibels: Sequence[str] = ()) -> None:
        super().__init__(tasks, decibels)
        self.log_variances = nn.Parameter(torch.zeros(len(self.tasks)))
        self.register_buffer("first_values", torch.zeros(len(self.tasks)))

    def forward(
        self, losses: Sequence[TaskLoss], encoder: nn.Module
    ) -> tuple[Tensor, dict[str, float]]:
        """See Balance. A loss of exactly 0, such as that of nothing, has no say on its variance."""
        values, places = self.values(losses), self.places(losses)
        first = self.first_values[places]
        self.first_values[places] = first = torch.where(first > 0, first, values)
        beginning = torch.where(first > 0, first, 1.0).log()
        logs = beginning + self.log_variances[places]
        factors = (-logs.detach()).exp() * self.slopes(losses, values)
        total = 0.0 * self.log_variances.sum()  # parallel processes need the same gradients
        for place, each in enumerate(losses):
            # the gradient by the model is that of this process, that by s of the global batch
            own = factors[place] * (each.loss - each.loss.detach())
            if values[place] > 0:
                own = own + (-logs[place]).exp() * values[place] + logs[place]
            total = total + each.weight * own
        return total, dict(named(losses, factors))
