"""Several runs of a grid at a time."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stdout
from traceback import print_exc
from typing import Any

import torch

from joint.errors import JointError, TrainingError
from joint.experiments.ablation import Run
from joint.experiments.records import Outcome
from joint.layers.workers import worker_pool

Measure = Callable[[Run], dict[str, Any]]
"""Trains a run, where that has not been done, and gives its figures."""


def in_parallel(
    runs: Sequence[Run], measure: Measure, jobs: int
) -> Generator[tuple[Run, Outcome], None, None]:
    """Measure `runs`, `jobs` at a time, each with its share of this process's threads, which are as
    many as cores unless OMP_NUM_THREADS says otherwise; yields the figures of each as it ends, or
    its error. What a run prints is in its folder."""
    threads = max(1, torch.get_num_threads() // jobs)
    waiting = list(runs)
    pending: dict[Future[Outcome], tuple[Run, ProcessPoolExecutor]] = {}
    try:
        while waiting or pending:
            while waiting and len(pending) < jobs:
                run = waiting.pop(0)
                # a pool for each run: what kills one leaves the others, and its memory is free
                pool = worker_pool(1, torch.set_num_threads, (threads,))
                pending[pool.submit(logged, run, measure)] = run, pool
            for done in wait(pending, return_when=FIRST_COMPLETED).done:
                run, pool = pending.pop(done)
                pool.shutdown()
                yield run, _outcome(run, done)
    finally:
        for _, pool in pending.values():
            pool.shutdown(wait=False)


def _outcome(run: Run, done: Future[Outcome]) -> Outcome:
    """What a run gave, an error where its process ended or raised one that nobody expected."""
    try:
        return done.result()
    except BrokenProcessPool:
        found = "the end of its process (killed; out of memory?)"
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    return TrainingError(f"{run.variant}, seed {run.seed}", found, "a run that ends")


def logged(run: Run, measure: Measure) -> Outcome:
    """The figures of a run, or its error; what it prints goes to `training.log` in its folder."""
    with (run.folder / "training.log").open("a") as log, redirect_stdout(log):
        try:
            return measure(run)
        except JointError as error:
            return error
        except Exception:
            print_exc(file=log)
            raise
