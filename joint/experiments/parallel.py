"""Several runs of a grid at a time."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stdout
from typing import Any

import torch

from joint.errors import JointError, TrainingError
from joint.experiments.ablation import Run
from joint.layers.workers import worker_pool

Measure = Callable[[Run], dict[str, Any]]
"""Trains a run, where that has not been done, and gives its figures."""


def in_parallel(
    runs: Sequence[Run], measure: Measure, jobs: int
) -> Iterator[tuple[Run, dict[str, Any] | JointError]]:
    """Measure `runs`, `jobs` at a time, each with its share of this process's threads, which are as
    many as cores unless OMP_NUM_THREADS says otherwise; yields the figures of each as it ends, or
    its error. What a run prints is in its folder."""
    threads = max(1, torch.get_num_threads() // jobs)
    # a process of its own for each run: the memory that it held is free for the next
    with worker_pool(jobs, torch.set_num_threads, (threads,), max_tasks_per_child=1) as pool:
        pending = {pool.submit(logged, run, measure): run for run in runs}
        for done in as_completed(pending):
            run = pending[done]
            try:
                yield run, done.result()
            except BrokenProcessPool:
                found = "the end of its process (killed; out of memory?)"
                yield (
                    run,
                    TrainingError(f"{run.variant}, seed {run.seed}", found, "a run that ends"),
                )


def logged(run: Run, measure: Measure) -> dict[str, Any] | JointError:
    """The figures of a run, or its error; what it prints goes to `training.log` in its folder."""
    with (run.folder / "training.log").open("a") as log, redirect_stdout(log):
        try:
            return measure(run)
        except JointError as error:
            return error
