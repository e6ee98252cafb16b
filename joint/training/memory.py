"""Freed memory is kept by the C library: the next training step, or recording, needs it again. Too
much of it is given back."""

import ctypes
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt(3)."""

LARGEST = 2**30
"""Bytes; blocks above it still go back at once."""


def keep_freed_memory() -> bool:
    """Have this process keep freed blocks of up to 1 GiB for its next allocations.

    By default glibc returns each block above 32 MiB to the system, and the next step's tensors
    have all their pages mapped and zeroed anew: a sixth of an x-vector's training step on one core.
    Returns whether the C library took it; others than glibc are left as they are.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGEST) and mallopt(TRIM_THRESHOLD, 2**31 - 1))


class FreedMemory:
    """Gives back what was freed, where this process has grown to twice what its first steps took.

    Batches of ever other lengths leave holes that later blocks do not fit: without this the
    recogniser of recipes/matrix held 6 GB after 460 steps of eight conversations. Where nothing
    grows, nothing is given back. What the first steps take is read after `FIRST` of them, before
    there are many holes.
    """

    FIRST, EVERY = 2, 20

    def __init__(self) -> None:
        self.steps, self.allowed = 0, 0

    def step(self) -> bool:
        """To be called after every step; returns whether memory was given back."""
        self.steps += 1
        if self.steps == self.FIRST:
            self.allowed = 2 * resident_bytes()
        if self.steps % self.EVERY:
            return False
        held = resident_bytes()
        if held <= self.allowed:
            return False
        given = give_back_freed_memory()
        self.allowed = max(self.allowed, 2 * resident_bytes())  # what is left is in use
        return given


def giving_back(items: Iterable[Item]) -> Iterator[Item]:
    """`items`, each a step of FreedMemory: for the recordings of a long evaluation."""
    freed = FreedMemory()
    for item in items:
        yield item
        freed.step()


def resident_bytes() -> int:
    """The memory that this process holds, without what is a file's; 0 where the system does not
    say."""
    try:
        _, resident, shared, *_ = map(int, Path("/proc/self/statm").read_text().split())
        return (resident - shared) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def give_back_freed_memory() -> bool:
    """Return all freed pages to the system; whether the C library could."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return False
    return bool(trim(0))
