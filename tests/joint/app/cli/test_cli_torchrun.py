"""Two processes of torchrun that meet a bad input: one says so, both exit, nothing is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT, TINY

BAD = {
    "key": ("trainer.max_stepz=3", "trainer.max_stepz: found an unknown key; expected 'max_steps'"),
    "folder": ("data.train=/nowhere", "/nowhere: found no folder"),
}


@pytest.mark.parametrize("override, expected", BAD.values(), ids=BAD.keys())
def test_one_line(tiny_overrides: list[str], tmp_path: Path, override: str, expected: str) -> None:
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    train = ["-m", "joint", "train", str(TINY), *tiny_overrides, override]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    outcome = subprocess.run(
        [*launch, *train, f"output={tmp_path / 'run'}"],
        env=environment,
        capture_output=True,
        cwd=tmp_path,
        text=True,
        timeout=300,
    )
    assert outcome.returncode != 0 and outcome.stdout == ""
    lines = outcome.stderr.splitlines()
    said = [line for line in lines if line.startswith("error: ")]
    assert len(said) == 1 and expected in said[0], outcome.stderr
    # the launcher's report ends with the line too, and with the exit code
    report = "\n".join(lines[-8:])
    assert expected in report and "exitcode  : 2" in report, outcome.stderr
    assert not list(tmp_path.iterdir())
