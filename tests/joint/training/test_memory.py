"""Freed memory stays with the process."""

from resource import RUSAGE_SELF, getrusage

import pytest
import torch
from processes import in_new_process

from joint.training import memory
from joint.training.memory import FreedMemory, giving_back, keep_freed_memory, resident_bytes


def least_faults(keep: bool) -> int:
    """Page faults of a step that allocates 64 MiB five times, where freed memory is kept or not."""
    torch.set_num_threads(1)
    if keep:
        assert keep_freed_memory()

    def faults() -> int:
        before = getrusage(RUSAGE_SELF).ru_minflt
        held = [torch.ones(64 * 2**18)]  # 64 MiB, and as much for each that a step keeps
        for _ in range(4):
            held.append(held[-1] + 1.0)
        return getrusage(RUSAGE_SELF).ru_minflt - before

    # The least of several: an aligned block does not always fit where the one before was.
    return min(faults() for _ in range(8))


def test_the_next_step_finds_its_pages() -> None:
    if not keep_freed_memory():
        pytest.skip("not glibc")
    anew, kept = (in_new_process(least_faults, keep) for keep in (False, True))
    assert kept < anew / 4  # at most one block of five is mapped anew


def bytes_given_back() -> int:
    """What a step gives back after many small blocks have left holes."""
    assert keep_freed_memory()
    freed = FreedMemory()
    freed.EVERY = 2

    def both_steps() -> bool:
        return freed.step() or freed.step()

    assert not both_steps()  # what the first steps take
    freed.allowed = resident_bytes() + 2**28
    blocks = [torch.ones(2**18) for _ in range(512)]  # 1 MiB each
    kept = blocks[::2]
    del blocks  # holes, which the C library keeps
    held = resident_bytes()
    assert both_steps() and kept
    given = held - resident_bytes()
    assert not both_steps()
    return given


def test_holes_are_given_back_where_the_process_has_grown() -> None:
    if not keep_freed_memory():
        pytest.skip("not glibc")
    assert in_new_process(bytes_given_back) > 100 * 2**20


def test_a_long_evaluation_gives_back_what_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    done: list[int] = []
    monkeypatch.setattr(memory, "resident_bytes", lambda: 2**30 * (1 + len(done) // 50))
    given_back = "give_back_freed_memory"
    monkeypatch.setattr(memory, given_back, lambda: given.append(len(done)) or True)
    for recording in giving_back(range(220)):
        done.append(recording)
    # allowed are 2 GiB after two recordings, and at the first 3 twice what is left
    assert done == list(range(220)) and given == [100]
