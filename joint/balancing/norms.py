"""Gradients of one size at the encoder's output (EnCodec's balancer; Défossez et al., 2023)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from joint.balancing.base import Balance, TaskLoss, named, weighted_sum
from joint.balancing.gradients import norms_at_outputs

SMALLEST = 1e-12


class GradientNorms(Balance):
    """Each task's gradient, where it enters the encoder, is divided by a moving average of its norm
    there and multiplied by the task's share of the weights, times `total` (Défossez, Copet,
    Synnaeve, Adi, "High fidelity neural audio compression", TMLR 2023, equation 5).

    What a loss is measured in does not matter then: a weight of 0.25 beside one of 0.75 gives a
    quarter of the gradient. Norms are those by embedding, frames and layers that the task reads,
    measured at every `every`-th step, which costs a backward pass through the tasks' own parts.
    Tasks' own parameters get their gradient by the recipe's weight.

    Shapes: `norms (T,)`, `seen (T,)`, in the order of `tasks`: sums that forget by `decay`.
    """

    norms: Tensor
    seen: Tensor
    steps: Tensor

    def __init__(
        self, tasks: Sequence[str], total: float = 1.0, decay: float = 0.99, every: int = 1
    ) -> None:
        super().__init__(tasks)
        self.total, self.decay, self.every = total, decay, every
        self.register_buffer("norms", torch.zeros(len(self.tasks)))
        self.register_buffer("seen", torch.zeros(len(self.tasks)))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(
        self, losses: Sequence[TaskLoss], encoder: nn.Module
    ) -> tuple[Tensor, dict[str, float]]:
        """See Balance. A task without gradient, such as one that has no items, is not measured."""
        places = self.places(losses)
        # a task that is in its first step has no average yet
        if int(self.steps) % self.every == 0 or bool((self.seen[places] == 0).any()):
            found = norms_at_outputs(losses)
            there, found = places[found > 0], found[found > 0]
            self.norms[there] = self.decay * self.norms[there] + (1 - self.decay) * found
            self.seen[there] = self.decay * self.seen[there] + (1 - self.decay)
        self.steps += 1
        usual = self.norms[places] / self.seen[places].clamp(min=SMALLEST)
        weights = sum(each.weight for each in losses)
        factors = torch.where(usual > 0, self.total / (weights * usual.clamp(min=SMALLEST)), 0.0)
        for each, factor in zip(losses, factors.tolist(), strict=True):
            each.share.factor = factor
        return weighted_sum(losses), dict(named(losses, factors))
