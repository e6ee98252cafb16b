"""JointModel: one speaker encoder and the tasks that share it. Read this first.

batches ──► task.loss(encode, batch, progress) ──► weight · mean over the global batch ──► one loss
                  │
                  └─ encode(audio, lengths, role): the shared encoder under this task's switch
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast, get_args

import torch
import torch.distributed as dist
from torch import Tensor, nn

from joint.adapters.low_rank import Adapter
from joint.balancing.base import Balance, Share, TaskLoss
from joint.conditioning.fusion import layers_of
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.view import EncoderView, Memo, Switch
from joint.errors import ConfigError
from joint.layers.modes import without_gradient
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.seeding import seed_for
from joint.task import Task


@dataclass(frozen=True)
class StreamBatch:
    """One batch and the names of the tasks that read it."""

    batch: SceneBatch
    tasks: Sequence[str]


@dataclass
class JointOutput:
    """The weighted loss of a step, the summed loss of the tasks' critics (None without one), and
    each task's metrics by `task/name`."""

    loss: Tensor
    critic_loss: Tensor | None = None
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> Tensor:
        """Both losses in one, for one backward pass: no parameter gets a gradient from both."""
        return self.loss if self.critic_loss is None else self.loss + self.critic_loss


class JointModel(nn.Module):
    """One encoder, named tasks, a weight and a switch for each, adapters where switches say so, and
    a balance where fixed weights are not enough.

    `forward` is the only thing that trains, and what data-parallel training wraps. A task of weight
    0 is not run at all, so that it changes nothing.
    """

    def __init__(
        self,
        encoder: SpeakerEncoder,
        tasks: Mapping[str, Task],
        weights: Mapping[str, float] | None = None,
        switches: Mapping[str, Switch] | None = None,
        adapters: Mapping[str, Adapter] | None = None,
        balance: Balance | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.tasks = nn.ModuleDict(tasks)
        self.adapters = nn.ModuleDict(adapters or {})
        self.balance = balance
        self.weights = dict.fromkeys(tasks, 1.0) | dict(weights or {})
        default: Switch = "joint"
        self.switches: dict[str, Switch] = dict.fromkeys(tasks, default) | dict(switches or {})
        for name, switch in self.switches.items():
            if switch not in get_args(Switch):
                raise ConfigError(f"tasks.{name}.encoder", repr(switch), "frozen, adapter or joint")
            if (switch == "adapter") != (name in self.adapters):
                found = "an adapter" if name in self.adapters else "no adapter"
                expected = "one where 'encoder' is adapter, and only there"
                raise ConfigError(f"tasks.{name}.adapter", found, expected)
        read = (self.task(name).layers | layers_of(self.task(name)) for name in self.active)
        self.layers = tuple(sorted(frozenset().union(*read)))
        encoder.requires_grad_(any(self.switches[n] == "joint" for n in self.active))
        # only switched off: an active task may hold parts that it does not train
        for name in set(tasks).difference(self.active):
            for part in self.parts(name):
                part.requires_grad_(False)

    @property
    def active(self) -> list[str]:
        """Names of the tasks whose weight is not 0."""
        return [name for name in self.tasks if self.weights[name] != 0.0]

    def task(self, name: str) -> Task:
        """The task called `name`."""
        return cast(Task, self.tasks[name])

    def adapter(self, name: str) -> Adapter | None:
        """The adapter of the task called `name`; None under another switch."""
        return cast(Adapter, self.adapters[name]) if name in self.adapters else None

    def parts(self, name: str) -> list[nn.Module]:
        """The modules of the task called `name` alone: the task, and its adapter."""
        adapter = self.adapter(name)
        return [self.tasks[name], *([] if adapter is None else [adapter])]

    def critic_parameters(self) -> list[nn.Parameter]:
        """Parameters of all tasks' critics, which have an optimizer of their own."""
        return [p for name in self.tasks for p in self.task(name).critic_parameters()]

    def view(
        self,
        name: str,
        memo: Memo | None = None,
        seed: int | None = None,
        share: Share | None = None,
    ) -> EncoderView:
        """The encoder under the switch of the task called `name`; see EncoderView."""
        switch, adapter = self.switches[name], self.adapter(name)
        return EncoderView(self.encoder, switch, memo, self.layers, seed, adapter, share)

    def check(self, name: str, batch: SceneBatch, stream: str) -> None:
        """Raises ConfigError, naming the missing fields, where `stream` cannot feed a task."""
        missing = sorted(self.task(name).requires - batch.present())
        if missing:
            raise ConfigError(
                f"streams.{stream}.tasks",
                f"task {name!r} on scenes without {', '.join(missing)}",
                "scenes that hold these fields",
            )

    def before_step(self, progress: float) -> None:
        """Tell every active task that an optimizer step begins; see Task."""
        for name in self.active:
            self.task(name).before_step(self.encoder, progress)

    def forward(self, batches: Sequence[StreamBatch], progress: float) -> JointOutput:
        """Weighted sum of the losses, each a mean over the items of all processes; those that train
        the encoder as the balance weighs them.

        In training the encoder and every task draw from streams of their own, which come from the
        seed that torch's generator was last set to: a task more changes no other's.
        """
        start = torch.initial_seed()
        total = torch.zeros((), device=next(self.parameters()).device)
        critics: Tensor | None = None
        metrics: dict[str, float] = {}
        weighed: dict[str, TaskLoss] = {}
        for position, stream in enumerate(batches):
            seed = seed_for(start, "stream", position) if self.training else None
            memo: Memo = {}
            for name in stream.tasks:
                if self.weights[name] == 0.0:
                    continue
                if seed is not None:
                    torch.manual_seed(seed_for(seed, "task", name))
                own = self._weighed(name, weighed)
                view = self.view(name, memo, seed, None if own is None else own.share)
                task = self.task(name)
                critic = list(task.critic_parameters())
                with without_gradient(critic):
                    output = task.loss(view, stream.batch, progress)
                mean = mean_over_processes(output)
                if own is None:
                    total = total + self.weights[name] * mean
                else:
                    own.loss = own.loss + mean
                metrics |= output.logged(name)
                if not critic:
                    continue
                if seed is not None:
                    torch.manual_seed(seed_for(seed, "critic", name))
                judges = {id(p) for p in critic}
                with without_gradient(p for p in self.parameters() if id(p) not in judges):
                    found = task.critic_loss(view.constants, stream.batch, progress)
                if found is not None:
                    mean = mean_over_processes(found)
                    critics = mean if critics is None else critics + mean
                    metrics |= found.logged(name, "critic_")
        if self.balance is not None and weighed:
            balanced, factors = self.balance(list(weighed.values()), self.encoder)
            total = total + balanced
            metrics |= {f"{name}/factor": factor for name, factor in factors.items()}
            for each in weighed.values():
                each.share.outputs.clear()  # a graph that holds itself would not be freed
        return JointOutput(total, critics, metrics)

    def _weighed(self, name: str, weighed: dict[str, TaskLoss]) -> TaskLoss | None:
        """The entry of a task among those that the balance weighs; None for one that it does not:
        without a balance, and for tasks that do not train the encoder."""
        if self.balance is None or self.switches[name] != "joint":
            return None
        nothing = torch.zeros((), device=next(self.parameters()).device)
        return weighed.setdefault(name, TaskLoss(name, self.weights[name], nothing))


def mean_over_processes(output: TaskOutput) -> Tensor:
    """The loss such that its average over processes is the mean over the items of all of them; 0
    where no process has an item."""
    loss, share = output.loss, 1.0
    if dist.is_available() and dist.is_initialized():
        count = torch.tensor(float(output.count), device=loss.device)
        total = count.clone()
        dist.all_reduce(total)
        share = float(count * dist.get_world_size() / total.clamp(min=1.0))
    return loss * share
