"""A full disk: one line, exit 2, what was there before stays whole, nothing half-written."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from support import TINY, Command, Refused

from joint.errors import CheckpointError, JointError
from joint.files import atomic_write
from joint.training import checkpoint

SIZE = 1_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    options = ["-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small file system here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def test_the_former_checkpoint_stays(small_disk: Path) -> None:
    path = small_disk / "model.safetensors"
    checkpoint.write(path, {"model/weight": torch.ones(50_000)}, {"step": 1})
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match="room"):
        checkpoint.write(path, {"model/weight": torch.zeros(400_000)}, {"step": 2})
    assert path.read_bytes() == before
    assert os.listdir(small_disk) == ["model.safetensors"]
    assert checkpoint.read(path)[1]["step"] == 1


def test_training_ends_in_one_line(
    refused: Refused, tiny_checkpoint: Path, tiny_overrides: list[str], small_disk: Path
) -> None:
    # Room for the log and for the weights, but not for the optimizer's state with them.
    room = tiny_checkpoint.stat().st_size
    (small_disk / "others").write_bytes(b"x" * (free_bytes(small_disk) - room))
    line = refused("train", TINY, *tiny_overrides, f"output={small_disk / 'run'}")
    assert str(small_disk) in line
    assert not [path for path in small_disk.rglob("*") if "safetensors" in path.name]


def test_a_file_is_whole_or_the_former_one(small_disk: Path) -> None:
    path = small_disk / "figures.json"
    atomic_write(path, "{}")
    with pytest.raises(JointError, match="No space left"):
        atomic_write(path, b"x" * 2 * SIZE)
    assert path.read_text() == "{}"
    assert os.listdir(small_disk) == ["figures.json"]


def test_outputs_of_verbs(
    refused: Refused, tiny_checkpoint: Path, embedded_corpus: Path, small_disk: Path
) -> None:
    recordings = sorted((embedded_corpus / "WAVE").rglob("*.*"))[:2]
    (small_disk / "others").write_bytes(b"x" * free_bytes(small_disk))
    common = ("--checkpoint", tiny_checkpoint)
    refused("embed", *common, "--output", small_disk / "a.npz", *recordings)
    refused(
        *("extract", *common, "--mixture", recordings[0], "--enrollment", recordings[1]),
        *("--output", small_disk / "extracted.wav"),
    )
    assert os.listdir(small_disk) == ["others"]


def test_the_former_speaker_database_stays(
    joint_command: Command,
    refused: Refused,
    tiny_checkpoint: Path,
    embedded_corpus: Path,
    small_disk: Path,
) -> None:
    first, second = sorted((embedded_corpus / "WAVE").rglob("*.*"))[:2]
    database = small_disk / "database"
    common = ("--database", database, "--checkpoint", tiny_checkpoint)
    assert joint_command("enroll", "Anna", first, *common).code == 0
    before = {path.name: path.read_bytes() for path in database.iterdir()}
    (small_disk / "others").write_bytes(b"x" * free_bytes(small_disk))
    assert "No space left" in refused("enroll", "Ben", second, *common)
    assert {path.name: path.read_bytes() for path in database.iterdir()} == before


def test_jobs_that_cannot_be_written_are_not_submitted(small_disk: Path) -> None:
    pytest.importorskip("submitit")
    from joint.experiments.ablation import Run
    from joint.experiments.executors import Execution

    run = Run("one", 1, small_disk / "one", OmegaConf.create())
    execute = Execution("local", small_disk, "grid").ready([run])
    (small_disk / "others").write_bytes(b"x" * free_bytes(small_disk))
    with pytest.raises(JointError, match=r"jobs: found No space left on device"):
        next(execute(dict))
    assert not run.folder.exists()
