"""Trainer: the one training loop."""

import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from joint.data.scenes.stream import SceneStream
from joint.errors import TrainingError
from joint.model import JointModel, StreamBatch
from joint.scene import SceneBatch
from joint.seeding import seed_for
from joint.training import checkpoint
from joint.training.config.schema import CLOCKS, OptimizerConfig, TrainerConfig
from joint.training.distributed.fabric import Fabric
from joint.training.distributed.sharding import gathered, is_sharded, shard
from joint.training.memory import FreedMemory
from joint.training.optimizers import (
    CRITIC,
    MAIN,
    clip,
    learning_rate,
    make_optimizers,
    set_rate,
    train_mode,
)
from joint.training.precision import autocast_for
from joint.training.progress import TrainingLog
from joint.training.reached import check_gradients
from joint.training.validation import Validation

LATEST = "latest.safetensors"
"""The checkpoint of time, beside those of steps."""
AVERAGED_FROM = 0.95
"""Share of the budget from which on checkpoints are averaged: the learning rate is low there."""

StreamSpec = tuple[SceneStream, list[str], int]
"""A stream, the tasks that read it, and at every how many steps."""


class Trainer:
    """Trains a JointModel on streams until the budget is spent; resumes where it was killed."""

    def __init__(
        self,
        fabric: Fabric,
        model: JointModel,
        streams: Mapping[str, StreamSpec],
        optimizer: OptimizerConfig,
        config: TrainerConfig,
        output: Path,
        metadata: Mapping[str, Any],
        seed: int,
        validate: Validation | None = None,
        validate_minutes: float = 5.0,
    ) -> None:
        self.fabric, self.model, self.streams = fabric, model, dict(streams)
        self.schedule, self.config, self.output = optimizer, config, output
        self.metadata, self.seed = dict(metadata), seed
        self.validate, self.validate_minutes = validate, validate_minutes
        shard(model, fabric)
        self.optimizers = make_optimizers(model, optimizer)
        self.names = {id(p): n for n, p in model.named_parameters()}
        self.step, self.minutes, self.scenes, self.bad_steps = 0, 0.0, 0, 0
        self.waited, self.elapsed, self.last_validation = 0.0, 0.0, 0.0
        self.saved, self.saved_minutes = -1, 0.0
        self.figures: dict[str, float] = {}

    def autocast(self) -> torch.autocast:
        """The precision of forward passes; weights and gradients stay float32."""
        return autocast_for(self.config.precision, self.fabric.device)

    @property
    def folder(self) -> Path:
        """Where the checkpoints lie."""
        return self.output / "checkpoints"

    def checkpoints(self) -> list[Path]:
        """Checkpoints of this run, the oldest first."""
        return sorted(self.folder.glob("step-*.safetensors"))

    def progress(self) -> float:
        """Share of the budget that is used, 0 to 1."""
        return self._used(self.step, self.minutes)

    def _used(self, step: int, minutes: float) -> float:
        by_step = step / self.config.max_steps if self.config.max_steps else 0.0
        by_time = minutes / self.config.max_minutes if self.config.max_minutes else 0.0
        return min(max(by_step, by_time), 1.0)

    def resume(self) -> bool:
        """Take up the newest checkpoint; False where there is none."""
        latest = self.folder / LATEST
        found = self.checkpoints()[-1:] + ([latest] if latest.is_file() else [])
        if not found:
            return False
        newest = max(found, key=lambda p: checkpoint.read_metadata(p)["trainer"]["step"])
        tensors, metadata = checkpoint.read(newest)
        checkpoint.load_into(self.model, tensors, newest, checkpoint.MODEL)
        for optimizer in self.optimizers.values():
            checkpoint.load_optimizer(optimizer, tensors, self.names)
        state = metadata["trainer"]
        self.step, self.minutes, self.scenes = state["step"], state["minutes"], state["scenes"]
        self.last_validation, self.bad_steps = state["last_validation"], state["bad_steps"]
        self.figures, self.waited = state["figures"], state.get("waited", 0.0)
        self.elapsed = state.get("elapsed", 60.0 * self.minutes)
        self.saved = self.step if newest != latest else -1
        self.saved_minutes = self.minutes
        return True

    def fit(self) -> Path:
        """Train to the end of the budget and write `model.safetensors`; returns its path."""
        module, *_ = self.fabric.setup(self.model, *self.optimizers.values())
        self._move_optimizers()
        train_mode(self.model, self.schedule)
        batches = {
            name: stream.batches(self._drawn(every), self.config.workers)
            for name, (stream, _, every) in self.streams.items()
        }
        consecutive, now, freed = 0, CLOCKS[self.config.clock], FreedMemory()
        active = self.fabric.is_global_zero
        with TrainingLog(self.output, self.config, active, self.step, self.scenes) as log:
            while self.progress() < 1.0:
                begin, wall = now(), time.perf_counter()
                metrics = self._train_step(module, batches)
                consecutive = 0 if math.isfinite(metrics["loss"]) else consecutive + 1
                if consecutive >= self.config.max_bad_steps:
                    raise TrainingError(
                        f"step {self.step}", f"{consecutive} non-finite losses in a row", "numbers"
                    )
                self.step += 1
                freed.step()
                self.minutes += (now() - begin) / 60.0
                self.elapsed += time.perf_counter() - wall
                # one clock for all: it decides on rates, margins and the end
                self.minutes = self.fabric.broadcast(self.minutes)
                log.step(self._counters(), metrics)
                self._validate_if_due(log)
                if self.step % self.config.checkpoint_steps == 0:
                    self.save()
                elif self.minutes - self.saved_minutes >= self.config.checkpoint_minutes:
                    self._write(self.folder / LATEST)
        if self.saved != self.step:
            self.save()
        return self._finish()

    def _move_optimizers(self) -> None:
        """A resumed state was read on the CPU; it belongs beside its parameters."""
        for optimizer in self.optimizers.values():
            for parameter, state in optimizer.state.items():
                state.update({k: v.to(parameter.device) for k, v in state.items()})

    def _drawn(self, every: int) -> int:
        """Batches that a stream has given so far."""
        return -(-self.step // every) * self.config.accumulate

    def _train_step(
        self, module: Any, batches: dict[str, Iterator[SceneBatch]]
    ) -> dict[str, float]:
        rate = learning_rate(self.schedule, self.progress())
        set_rate(self.optimizers.values(), rate)
        self.model.before_step(self.progress())
        former = [buffer.clone() for buffer in self.model.buffers()]
        metrics: dict[str, float] = {"loss": 0.0}
        finite = True
        for micro in range(self.config.accumulate):
            due = self._draw(batches)
            purpose = ("step", self.step, micro, self.fabric.global_rank)
            torch.manual_seed(seed_for(self.seed, *purpose))
            last = micro == self.config.accumulate - 1
            with self.fabric.no_backward_sync(module, enabled=not last):
                with self.autocast():
                    output = module(due, self.progress())
                if not output.loss.requires_grad:
                    raise TrainingError(f"step {self.step}", "nothing to train", "a weight > 0")
                self.fabric.backward(output.total / self.config.accumulate)
            metrics |= output.metrics
            metrics["loss"] += float(output.loss.detach()) / self.config.accumulate
            finite = finite and bool(output.total.detach().isfinite())
        if self.step == 0:
            check_gradients(self.model, module)
        norms = {name: clip(optimizer) for name, optimizer in self.optimizers.items()}
        if self._on_all(finite and all(map(math.isfinite, norms.values()))):
            for optimizer in self.optimizers.values():
                optimizer.step()
        else:
            self.bad_steps += 1
            metrics["loss"] = math.nan
            for buffer, value in zip(self.model.buffers(), former, strict=True):
                buffer.copy_(value)  # running statistics have seen the bad batch
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()
        metrics |= {"lr": rate, "gradient_norm": norms[MAIN]}
        return metrics | ({"critic_gradient_norm": norms[CRITIC]} if CRITIC in norms else {})

    def _on_all(self, finite: bool) -> bool:
        """Whether every process is `finite`: they must skip a step together."""
        bad = torch.tensor(float(not finite), device=self.fabric.device)
        total = self.fabric.all_reduce(bad, reduce_op="sum")
        assert isinstance(total, Tensor)
        return float(total) == 0.0

    def _draw(self, batches: dict[str, Iterator[SceneBatch]]) -> list[StreamBatch]:
        begin = time.perf_counter()
        due = []
        for name, (stream, tasks, every) in self.streams.items():
            if self.step % every == 0:
                batch = next(batches[name])
                self.scenes += stream.batch_size
                for task in tasks if self.step == 0 else ():
                    self.model.check(task, batch, name)
                due.append(StreamBatch(batch.to(self.fabric.device), tasks))
        self.waited += time.perf_counter() - begin
        return due

    def _validate_if_due(self, log: TrainingLog) -> None:
        if self.validate is None:
            return
        last = self.progress() >= 1.0
        if self.minutes - self.last_validation < self.validate_minutes and not last:
            return
        self.last_validation = self.minutes
        self.model.eval()
        with gathered(self.model):
            self.figures = self.validate()
            log.validation(self._counters(), self.figures)
            if self.config.examples and log.examples_due(self._counters()):
                log.examples(self._counters(), self.validate.examples(self.config.examples))
        train_mode(self.model, self.schedule)

    def _counters(self) -> dict[str, float]:
        return {
            "step": self.step,
            "minutes": round(self.minutes, 4),
            "scenes": self.scenes,
            "progress": self.progress(),
            "waiting_share": self.waited / max(self.elapsed, 1e-9),
            "skipped_steps": self.bad_steps,
        }

    def _path(self) -> Path:
        return self.folder / f"step-{self.step:08d}.safetensors"

    def save(self) -> None:
        """Write a checkpoint with all that resuming needs; the oldest ones go."""
        self._write(self._path())
        if self.fabric.is_global_zero:
            (self.folder / LATEST).unlink(missing_ok=True)
            for old in self.checkpoints()[: -max(self.config.average_last, 2)]:
                old.unlink()
        self.saved = self.step
        self.fabric.barrier()

    def _write(self, path: Path) -> None:
        if self.fabric.is_global_zero or is_sharded(self.model):
            tensors = checkpoint.model_tensors(self.model)
            for optimizer in self.optimizers.values():
                tensors |= checkpoint.optimizer_tensors(optimizer, self.names)
        if self.fabric.is_global_zero:
            state = {
                "step": self.step,
                "minutes": self.minutes,
                "scenes": self.scenes,
                "last_validation": self.last_validation,
                "bad_steps": self.bad_steps,
                "figures": self.figures,
                "waited": self.waited,
                "elapsed": self.elapsed,
            }
            checkpoint.write(path, tensors, {**self.metadata, "trainer": state})
        self.saved_minutes = self.minutes
        self.fabric.barrier()

    def _averaged(self) -> list[Path]:
        """The last checkpoint, and of those before it that are kept for the average those at its
        end: a short training moves far between its checkpoints."""
        *before, last = self.checkpoints()[-self.config.average_last :]
        states = (checkpoint.read_metadata(path)["trainer"] for path in before)
        used = [self._used(state["step"], state["minutes"]) for state in states]
        late = [path for path, share in zip(before, used, strict=True) if share >= AVERAGED_FROM]
        return [*late, last]

    def _finish(self) -> Path:
        final = self.output / "model.safetensors"
        if self.fabric.is_global_zero:
            tensors = checkpoint.averaged(self._averaged())
            trained = {"steps": self.step, "minutes": self.minutes, "scenes": self.scenes}
            described = {**self.metadata, "trained": trained, "validation": self.figures}
            checkpoint.write(final, tensors, described)
        self.fabric.barrier()
        return final
