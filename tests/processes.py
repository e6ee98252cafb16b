"""Processes for tests, forked from one that has imported torch and the trainer already: a fresh one
would take seconds to import them."""

import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.multiprocessing as mp

PROCESSES = 2
Result = TypeVar("Result")


def forks() -> ForkServerContext:
    """The context of such processes."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["joint.training.run"])
    return context


def on_two(work: Callable[..., None], *arguments: Any) -> None:
    """Run `work(rank, *arguments)` on two processes with the environment that torchrun gives; an
    error of one is raised here."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    forks()
    mp.start_processes(
        _ranked, (port, work, arguments), nprocs=PROCESSES, daemon=True, start_method="forkserver"
    )


def _ranked(rank: int, port: int, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "TORCHELASTIC_RUN_ID": "test"}
    size = str(PROCESSES)
    os.environ |= {"WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "GROUP_RANK": "0"}
    work(rank, *arguments)


def in_new_process(work: Callable[..., Result], *arguments: Any) -> Result:
    """What `work(*arguments)` gives in a process of its own; its error is raised here."""
    with ProcessPoolExecutor(1, forks()) as pool:
        return pool.submit(work, *arguments).result()


def train_until_killed(recipe: Path, overrides: list[str], step: int) -> None:
    """Train `recipe` in a process that is killed (SIGKILL) in the step after `step`."""
    process = forks().Process(target=_train_until_killed, args=(recipe, overrides, step))
    process.start()
    try:
        process.join()
    finally:
        process.kill()  # where the test is ended before
    assert process.exitcode == -signal.SIGKILL, process.exitcode


def _train_until_killed(recipe: Path, overrides: list[str], step: int) -> None:
    from joint.training.run import train
    from joint.training.trainer import Trainer

    torch.set_num_threads(1)
    train_step = Trainer._train_step

    def step_or_die(trainer: Trainer, *arguments: Any) -> dict[str, float]:
        if trainer.step == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return train_step(trainer, *arguments)

    Trainer._train_step = step_or_die  # type: ignore[method-assign]
    train(recipe, overrides)
