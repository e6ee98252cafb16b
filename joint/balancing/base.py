"""Balance: how losses of several tasks share one encoder, where fixed weights are not enough."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn

from joint.errors import ConfigError, TrainingError
from joint.layers.processes import averaged
from joint.outputs import SpeakerEncoding


class Share:
    """What one task reads of the encoder, and the `factor` by which its gradient is multiplied
    where it enters the encoder; the task's own parameters get theirs as it is."""

    def __init__(self) -> None:
        self.factor, self.outputs = 1.0, list[Tensor]()

    def __call__(self, encoding: SpeakerEncoding) -> SpeakerEncoding:
        """The same encoding, through which the gradient is multiplied."""
        frames = None if encoding.frames is None else self.of(encoding.frames)
        layers = {n: replace(x, features=self.of(x.features)) for n, x in encoding.layers.items()}
        embedding = self.of(encoding.embedding)
        return replace(encoding, embedding=embedding, frames=frames, layers=layers)

    def of(self, output: Tensor) -> Tensor:
        """The same tensor, through which the gradient is multiplied."""
        if not output.requires_grad:
            return output
        read: Tensor = _Multiplied.apply(output, self)
        self.outputs.append(read)
        return read


class _Multiplied(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, output: Tensor, share: Share) -> Tensor:
        context.share = share
        return output.view_as(output)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        # the factor of the time of the backward pass: a balance sets it after the forward pass
        return gradients[0] * context.share.factor, None


@dataclass
class TaskLoss:
    """The loss of one task of a step: its average over processes is the mean over all their items;
    0 where nobody has one. `weight` is the recipe's."""

    name: str
    weight: float
    loss: Tensor
    share: Share = field(default_factory=Share)


class Balance(nn.Module, ABC):
    """Weighs the losses of the `tasks` whose switch is `joint`, anew at each step.

    The recipe's weights stay factors in front, so that one task may count more than another. What
    a balance learns is in its parameters and buffers, and thus in checkpoints. It sees one
    micro-batch at a time where gradients are accumulated.

    `decibels` names tasks whose loss is in dB, such as SI-SDR's, and may be negative: where a value
    counts and not its gradient alone, the ratio 10^(loss / 10) takes its place.

    Raises ConfigError for fewer than two tasks, and a name in `decibels` that is none of them.
    """

    def __init__(self, tasks: Sequence[str], decibels: Sequence[str] = ()) -> None:
        super().__init__()
        self.tasks, self.decibels = list(tasks), frozenset(decibels)
        if len(self.tasks) < 2:
            found = f"{len(self.tasks)} tasks with a weight whose 'encoder' is joint"
            raise ConfigError("balance", found, "two or more to weigh")
        for name in decibels:
            if name not in self.tasks:
                near = get_close_matches(name, self.tasks, 1, 0.0)
                raise ConfigError("balance.decibels", name, near[0])

    @abstractmethod
    def forward(
        self, losses: Sequence[TaskLoss], encoder: nn.Module
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss of a step in which some tasks have one, and the factor of each by its name.

        It may set `share.factor` of each task.
        """

    def places(self, losses: Sequence[TaskLoss]) -> Tensor:
        """The positions of the step's tasks among all `tasks`."""
        device = losses[0].loss.device
        return torch.tensor([self.tasks.index(each.name) for each in losses], device=device)

    def values(self, losses: Sequence[TaskLoss]) -> Tensor:
        """The losses `(n,)` over all processes, without gradient; ratios in place of decibels.

        Raises TrainingError for a negative one.
        """
        found = averaged(torch.stack([each.loss.detach().float() for each in losses]))
        for place, each in enumerate(losses):
            if each.name in self.decibels:
                found[place] = 10 ** (found[place] / 10)
            elif float(found[place]) < 0:
                shown = f"a loss of {float(found[place]):.3g}"
                expected = "0 or more, or the task among `balance.decibels`"
                raise TrainingError(f"tasks.{each.name}", shown, expected)
        return found

    def slopes(self, losses: Sequence[TaskLoss], values: Tensor) -> Tensor:
        """The derivative `(n,)` of each of the `values` by its loss."""
        in_decibels = torch.tensor([e.name in self.decibels for e in losses], device=values.device)
        return torch.where(in_decibels, values * math.log(10) / 10, torch.ones_like(values))


def weighted_sum(losses: Sequence[TaskLoss], factors: Tensor | None = None) -> Tensor:
    """The losses by their weights and, where given, by `factors (n,)`, added up."""
    weighted = torch.stack([each.weight * each.loss for each in losses])
    return weighted.sum() if factors is None else (factors * weighted).sum()


def named(losses: Sequence[TaskLoss], factors: Tensor) -> Mapping[str, float]:
    """`factors (n,)` by the names of their tasks."""
    return dict(zip((each.name for each in losses), factors.tolist(), strict=True))
