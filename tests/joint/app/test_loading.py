"""A short command imports and builds what it needs and no more."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from joint.app.api import load
from joint.app.checkpoints import SHIPPED
from joint.errors import CheckpointError

SLOW = (
    "lightning_fabric",
    "sklearn",
    "scipy.stats",
    "lhotse",
    "torchmetrics",
    "matplotlib",
    "pandas",
    "hydra",
)
VERIFY = f"""
import sys
from joint.app.cli.main import main
try:
    main(["verify", "--checkpoint", "{SHIPPED}", *sys.argv[1:]])
except SystemExit as end:
    assert not end.code, end
print("slow:", *[name for name in {SLOW} if name in sys.modules])
"""


@pytest.fixture(scope="module")
def pair(recordings: list[Path]) -> list[Path]:
    return recordings[:2]


def test_verify_imports_no_slow_library(pair: list[Path]) -> None:
    command = [sys.executable, "-c", VERIFY, *map(str, pair)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("score ")
    assert done.stdout.splitlines()[-1] == "slow:"


def test_tasks_are_built_where_they_are_asked_for(pair: list[Path]) -> None:
    whole, bare, half = (load(SHIPPED, tasks=tasks) for tasks in (None, (), ("extraction",)))
    assert {"verification", "extraction", "synthesis"} < set(whole.model.tasks)
    assert list(bare.model.tasks) == [] and list(half.model.tasks) == ["extraction"]
    np.testing.assert_array_equal(whole.embed(pair), bare.embed(pair))
    np.testing.assert_array_equal(whole.estimate(*pair), half.estimate(*pair))
    assert bare.threshold == whole.threshold and bare.identity == whole.identity
    with pytest.raises(
        CheckpointError, match=r"verification, extraction, .*; expected one with a task sing"
    ):
        load(SHIPPED, tasks=("sing",))


def test_the_diarization_threshold_belongs_to_the_encoder(tiny_checkpoint: Path) -> None:
    shipped, other = load(SHIPPED, tasks=()), load(tiny_checkpoint, tasks=())
    assert shipped.diarization_threshold == 0.25 and other.diarization_threshold is None
    other.metadata["diarization_threshold"] = 0.4
    assert other.diarization_threshold == 0.4
