"""JointModel: one speaker encoder and the tasks that share it. Read this first.

batches ──► task.loss(encode, batch, progress) ──► weight · mean over the global batch ──► one loss
                  │
                  └─ encode(audio, lengths, role): the shared encoder under this task's switch
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast, get_args

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.func import functional_call

from joint.adapters.low_rank import Adapter
from joint.encoders.encoder import SpeakerEncoder
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding, TaskOutput
from joint.scene import SceneBatch
from joint.seeding import seed_for
from joint.task import AUXILIARY, Task

Switch = Literal["frozen", "adapter", "joint"]
"""Where a task's gradient goes: not to the encoder, to an adapter of the task's own, or to all of
the encoder."""
Memo: TypeAlias = dict[tuple[int, str, Switch | Adapter], tuple[Tensor, SpeakerEncoding]]
"""Encodings of a step, by the audio's id, the role, and the parameters that gave them."""


@dataclass(frozen=True)
class StreamBatch:
    """One batch and the names of the tasks that read it."""

    batch: SceneBatch
    tasks: Sequence[str]


@dataclass
class JointOutput:
    """The weighted loss of a step, and each task's metrics by `task/name`."""

    loss: Tensor
    metrics: dict[str, float] = field(default_factory=dict)


class EncoderView:
    """`Encode` for one task: the encoder `frozen`, through the task's `adapter` or `joint`, run
    once for the same audio, role and parameters.

    The tasks of a step share `memo` and the `layers` that an encoding holds. A run that is frozen
    or adapted is in eval mode and gives the encoder's parameters no gradient, while a gradient to
    the audio still flows. With a `seed`, what a run draws is a function of seed and role.
    """

    def __init__(
        self,
        encoder: SpeakerEncoder,
        switch: Switch,
        memo: Memo | None = None,
        layers: tuple[str, ...] = (),
        seed: int | None = None,
        adapter: Adapter | None = None,
    ) -> None:
        self.encoder, self.switch = encoder, switch
        self.memo: Memo = {} if memo is None else memo
        self.layers, self.seed, self.adapter = layers, seed, adapter

    def __call__(self, audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        """See Encode."""
        key = (id(audio), role, self.switch if self.adapter is None else self.adapter)
        if key not in self.memo:
            waveform, flat = audio.flatten(0, -2), lengths.flatten()
            # the audio is kept, so that its id stays its own
            self.memo[key] = audio, self._run(waveform, flat, role)
        return self.memo[key][1]

    def _run(self, waveform: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        inputs = waveform, lengths, self.layers
        if self.switch == "joint" and role not in AUXILIARY:
            if self.seed is None:
                return self._encoded(*inputs)
            with torch.random.fork_rng([waveform.device] if waveform.is_cuda else []):
                torch.manual_seed(seed_for(self.seed, "encoder", role))
                return self._encoded(*inputs)
        with evaluating(self.encoder):
            if role in AUXILIARY or not (self.adapter is not None or waveform.requires_grad):
                with torch.no_grad():
                    return self._encoded(*inputs)
            if self.adapter is not None:
                return self._encoded(*inputs)
            values = {n: p.detach() for n, p in self.encoder.named_parameters()}
            encoding: SpeakerEncoding = functional_call(self.encoder, values, inputs)
            return encoding

    def _encoded(self, *inputs: Any) -> SpeakerEncoding:
        """By the adapter where there is one, else by the encoder itself."""
        encoding: SpeakerEncoding
        if self.adapter is not None:
            encoding = self.adapter(self.encoder, *inputs)
        else:
            encoding = self.encoder(*inputs)
        return encoding


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """`module` in eval mode inside, and every part of it in its own mode again after."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


class JointModel(nn.Module):
    """One encoder, named tasks, a weight and a switch for each, adapters where switches say so.

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
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.tasks = nn.ModuleDict(tasks)
        self.adapters = nn.ModuleDict(adapters or {})
        self.weights = dict.fromkeys(tasks, 1.0) | dict(weights or {})
        learns: Switch = "joint"
        self.switches: dict[str, Switch] = dict.fromkeys(tasks, learns) | dict(switches or {})
        for name, switch in self.switches.items():
            if switch not in get_args(Switch):
                raise ConfigError(f"tasks.{name}.encoder", repr(switch), "frozen, adapter or joint")
            if (switch == "adapter") != (name in self.adapters):
                found = "an adapter" if name in self.adapters else "no adapter"
                expected = "one where 'encoder' is adapter, and only there"
                raise ConfigError(f"tasks.{name}.adapter", found, expected)
        self.layers = tuple(sorted({name for n in self.active for name in self.task(n).layers}))
        encoder_learns = any(self.switches[n] == "joint" for n in self.active)
        encoder.requires_grad_(encoder_learns)
        for name in self.tasks:
            for part in self.parts(name):
                part.requires_grad_(name in self.active)

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

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Parameters of the encoder and of each task: each group has its rate and its clipping."""
        encoder = list(self.encoder.parameters())
        own = {n: [p for m in self.parts(n) for p in m.parameters()] for n in self.tasks}
        return {"encoder": encoder, **own}

    def view(self, name: str, memo: Memo | None = None, seed: int | None = None) -> EncoderView:
        """The encoder under the switch of the task called `name`; see EncoderView."""
        switch, adapter = self.switches[name], self.adapter(name)
        return EncoderView(self.encoder, switch, memo, self.layers, seed, adapter)

    def check(self, name: str, batch: SceneBatch, stream: str) -> None:
        """Raises ConfigError, naming the missing fields, where `stream` cannot feed a task."""
        missing = sorted(self.task(name).requires - batch.present())
        if missing:
            raise ConfigError(
                f"streams.{stream}.tasks",
                f"task {name!r} on scenes without {', '.join(missing)}",
                "scenes that hold these fields",
            )

    def forward(self, batches: Sequence[StreamBatch], progress: float) -> JointOutput:
        """Weighted sum of the losses, each a mean over the items of all processes.

        In training the encoder and every task draw from streams of their own, which come from the
        seed that torch's generator was last set to: a task more changes no other's.
        """
        start = torch.initial_seed()
        total = torch.zeros((), device=next(self.parameters()).device)
        metrics: dict[str, float] = {}
        for position, stream in enumerate(batches):
            seed = seed_for(start, "stream", position) if self.training else None
            memo: Memo = {}
            for name in stream.tasks:
                if self.weights[name] == 0.0:
                    continue
                if seed is not None:
                    torch.manual_seed(seed_for(seed, "task", name))
                view = self.view(name, memo, seed)
                output = self.task(name).loss(view, stream.batch, progress)
                total = total + self.weights[name] * output.loss * share_of_batch(output)
                metrics[f"{name}/loss"] = float(output.loss.detach())
                metrics |= {f"{name}/{k}": v for k, v in output.detached_metrics().items()}
        return JointOutput(total, metrics)


def share_of_batch(output: TaskOutput) -> float:
    """The factor that turns this process's mean, averaged over processes, into the mean over the
    items of all of them."""
    if not (dist.is_available() and dist.is_initialized()):
        return 1.0
    count = torch.tensor(float(output.count), device=output.loss.device)
    total = count.clone()
    dist.all_reduce(total)
    return float(count * dist.get_world_size() / total)
