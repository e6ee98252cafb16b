"""Runs at a time, and the threads of each."""

from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from joint.experiments.ablation import Run
from joint.experiments.parallel import in_parallel


def threads_of(run: Run) -> dict[str, Any]:
    return {"threads": torch.get_num_threads()}


@pytest.mark.parametrize(("jobs", "expected"), [(1, 2), (2, 1)])
def test_jobs_share_the_threads_that_the_command_has(
    tmp_path: Path, jobs: int, expected: int
) -> None:
    # as OMP_NUM_THREADS=2 does, on a machine of any number of cores
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = list(in_parallel([Run("one", 1, tmp_path, OmegaConf.create())], threads_of, jobs))
    finally:
        torch.set_num_threads(before)
    assert [figures for _, figures in found] == [{"threads": expected}]
