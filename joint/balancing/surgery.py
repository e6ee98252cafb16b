"""Gradients of tasks that pull the encoder apart lose what conflicts (PCGrad; Yu et al., 2020)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from joint.balancing.base import Balance, TaskLoss, named, weighted_sum
from joint.balancing.gradients import gradients_by_parameters


class GradientSurgery(Balance):
    """Each task's gradient by the encoder's parameters is projected, where it points against
    another task's, onto that one's normal plane, in random order (Yu, Kumar, Gupta, Levine,
    Hausman, Finn, "Gradient surgery for multi-task learning", NeurIPS 2020, algorithm 1).

    What is left of all of them is a sum of the tasks' gradients by factors, which depend on their
    scalar products alone. Costs a backward pass for each task; their own parameters get the
    gradient as it is.
    """

    steps: Tensor

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__(tasks)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(
        self, losses: Sequence[TaskLoss], encoder: nn.Module
    ) -> tuple[Tensor, dict[str, float]]:
        """See Balance."""
        gradients = gradients_by_parameters(losses, encoder)
        # an order of its own: on all processes, and in a training that is resumed, the same
        generator = torch.Generator().manual_seed(int(self.steps))
        self.steps += 1
        factors = surgical_factors((gradients @ gradients.T).double().cpu(), generator)
        for each, factor in zip(losses, factors.tolist(), strict=True):
            each.share.factor = factor
        return weighted_sum(losses), dict(named(losses, factors))


def surgical_factors(products: Tensor, generator: torch.Generator) -> Tensor:
    """The factors `(n,)` of n gradients in the sum that is left after surgery, from their scalar
    products `(n, n)`; each meets the others in an order that the generator draws."""
    count = len(products)
    total = torch.zeros(count, dtype=products.dtype)
    for task in range(count):
        own = torch.zeros(count, dtype=products.dtype)
        own[task] = 1.0
        for other in torch.randperm(count, generator=generator).tolist():
            conflict = own @ products[:, other]
            if other != task and conflict < 0:
                own[other] -= conflict / products[other, other]
        total += own
    return total
