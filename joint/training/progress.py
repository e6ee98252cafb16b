"""Progress bars, and a training's log: TensorBoard and JSON lines."""

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from torch import Tensor
    from torch.utils.tensorboard import SummaryWriter

    from joint.training.config.schema import TrainerConfig

Item = TypeVar("Item")


def shown(
    items: Iterable[Item], what: str, progress: bool, total: int | None = None
) -> Iterator[Item]:
    """`items` with a progress bar, where `progress` is true and there is a terminal; `total` where
    `items` have no length."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not progress or not console.is_terminal) as bar:
        yield from bar.track(items, total=total, description=what)


@contextmanager
def working(
    what: str, progress: bool, total: float | None = None
) -> Iterator[Callable[[float], None]]:
    """A bar while work goes on, where `progress` and there is a terminal; gives the function that
    is told how much of `total` is done (None: unknown)."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not progress or not console.is_terminal) as bar:
        row = bar.add_task(what, total=total)
        yield lambda done: bar.update(row, completed=done)


class TrainingLog:
    """Shows progress, throughput, loss and time left; writes `metrics.jsonl` and TensorBoard files.

    Nothing is written before the first step is done: a training that is refused leaves no folder. A
    resumed run appends, after dropping the lines of the steps that it takes again.
    """

    def __init__(
        self,
        output: Path,
        config: "TrainerConfig",
        active: bool,
        start_step: int,
        start_scenes: float = 0.0,
    ) -> None:
        self.active, self.every = active, config.log_every
        self.output, self.path, self.start_step = output, output / "metrics.jsonl", start_step
        self.since, self.scenes_then = time.perf_counter(), start_scenes
        self.budget = config
        self.board: SummaryWriter | None = None
        from joint.training.examples import Examples  # here: bars need no torch

        self.played = Examples()
        if not active:
            return
        self.bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn() if config.max_steps else TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        total = config.max_steps or 1.0
        self.row = self.bar.add_task("", total=total, completed=start_step, note="")

    def _opened(self) -> "SummaryWriter":
        """TensorBoard's writer; the first call opens the files."""
        if self.board is None:
            from torch.utils.tensorboard import SummaryWriter

            self.output.mkdir(parents=True, exist_ok=True)
            kept = [line for line in self._lines() if line.get("step", 0) <= self.start_step]
            self.path.write_text("".join(json.dumps(line) + "\n" for line in kept))
            self.board = SummaryWriter(str(self.output / "tensorboard"), purge_step=self.start_step)
        return self.board

    def _lines(self) -> list[dict[str, Any]]:
        if not self.path.is_file():
            return []
        lines = []
        for text in self.path.read_text().splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:  # a line cut off by a kill
                continue
        return lines

    def __enter__(self) -> "TrainingLog":
        if self.active:
            self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.active:
            self.bar.stop()
        if self.board is not None:
            self.board.close()

    def step(self, counters: Mapping[str, float], metrics: Mapping[str, float]) -> None:
        """After every step; writes at every `log_every`-th."""
        if not self.active:
            return
        step, progress = int(counters["step"]), counters["progress"]
        done = step if self.budget.max_steps else progress
        if step % self.every and progress < 1.0:
            self.bar.update(self.row, completed=done)
            return
        now = time.perf_counter()
        rate = (counters["scenes"] - self.scenes_then) / max(now - self.since, 1e-9)
        self.since, self.scenes_then = now, counters["scenes"]
        left = counters["minutes"] * (1.0 - progress) / max(progress, 1e-9)
        note = f"{rate:.1f} scenes/s  loss {metrics['loss']:.3f}  {left:.0f} min left"
        self.bar.update(self.row, completed=done, note=note)
        board = self._opened()
        self._write({**counters, "scenes_per_second": rate, **metrics})
        for name, value in metrics.items():
            if math.isfinite(value):
                board.add_scalar(name, value, step)

    def validation(self, counters: Mapping[str, float], figures: Mapping[str, float]) -> None:
        """Figures on held-out scenes."""
        if not self.active:
            return
        board = self._opened()
        self._write({**counters, "validation": dict(figures)})
        for name, value in figures.items():
            board.add_scalar(f"validation/{name}", value, int(counters["step"]))
        shown = "  ".join(f"{name} {value:.3g}" for name, value in figures.items())
        self.bar.console.print(
            f"step {int(counters['step'])}, {counters['minutes']:.1f} min: {shown}"
        )

    def examples_due(self, counters: Mapping[str, float]) -> bool:
        """Whether held-out scenes are to be played now; the same on every process."""
        return self.played.due(counters["progress"])

    def examples(self, counters: Mapping[str, float], sounds: Mapping[str, "Tensor"]) -> None:
        """Sounds `(S,)` of held-out scenes, and their spectrograms."""
        board = self._opened() if self.active else None
        self.played.write(board, int(counters["step"]), counters["progress"], sounds)

    def _write(self, line: Mapping[str, Any]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
