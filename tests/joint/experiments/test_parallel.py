"""Runs at a time, and the threads of each."""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import measures
import pytest
import torch
from measures import runs_in
from omegaconf import OmegaConf
from processes import forks

from joint.experiments.ablation import Run
from joint.experiments.parallel import in_parallel


def threads_of(run: Run) -> dict[str, Any]:
    return {"threads": torch.get_num_threads()}


@pytest.mark.parametrize(("jobs", "expected"), [(1, 2), (2, 1)])
def test_jobs_share_the_threads_that_the_command_has(
    tmp_path: Path, jobs: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("joint.experiments.parallel.worker_pool", forked)
    # as OMP_NUM_THREADS=2 does, on a machine of any number of cores
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = list(in_parallel([Run("one", 1, tmp_path, OmegaConf.create())], threads_of, jobs))
    finally:
        torch.set_num_threads(before)
    assert [figures for _, figures in found] == [{"threads": expected}]


def test_a_run_that_fails_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("joint.experiments.parallel.worker_pool", forked)
    runs = runs_in(tmp_path, "killed", "raises", "works", "left")
    found = in_parallel(runs, measures.as_it_is_called, 2)
    outcomes = {run.variant: outcome for run, outcome in (next(found) for _ in range(3))}
    assert str(outcomes["killed"]).startswith("killed, seed 0: found the end of its process")
    assert "RuntimeError: out of memory" in str(outcomes["raises"])
    log = (tmp_path / "raises" / "training.log").read_text()
    assert "measures.py" in log and log.endswith("RuntimeError: out of memory\n")
    assert outcomes["works"] == {"eer_percent": 2.0}


def test_what_waits_is_not_begun_after_an_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("joint.experiments.parallel.worker_pool", forked)
    found = in_parallel(runs_in(tmp_path, "one", "two", "three"), measures.works, 1)
    next(found)
    found.close()  # as an exception in the command does
    time.sleep(0.5)
    assert not (tmp_path / "three" / "training.log").exists()


def forked(jobs: int, initializer: Callable[..., None], given: tuple[int]) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, forks(), initializer, given)
