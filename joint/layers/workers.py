"""Processes that work for this one and end with it, whatever ends it."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any


def worker_pool(
    jobs: int,
    initializer: Callable[..., Any] | None = None,
    initargs: tuple[Any, ...] = (),
) -> ProcessPoolExecutor:
    """A pool of `jobs` fresh processes, each begun with `initializer(*initargs)`.

    Where this process is killed, a pool of Python's own goes on with what it had begun: a training
    that nobody waits for, beside the one that resumes it. These processes watch their parent.
    """
    return ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (initializer, initargs))


def _begin(initializer: Callable[..., Any] | None, initargs: tuple[Any, ...]) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    if initializer is not None:
        initializer(*initargs)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
