"""`joint extract --all` where one of the people cannot be extracted: nothing is written."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import Command, Refused

from joint.audio import read_audio

pytestmark = pytest.mark.usefixtures("loaded_once")


@pytest.fixture
def mixture(recordings: list[Path], tmp_path: Path) -> Path:
    """The first recordings of two speakers at once."""
    one, other = (read_audio(recordings[i]) for i in (0, 2))
    length = min(len(one), len(other))
    path = tmp_path / "mixture.wav"
    soundfile.write(path, 0.5 * (one[:length] + other[:length]), 16_000)
    return path


def test_one_without_audio(
    joint_command: Command, refused: Refused, recordings: list[Path], mixture: Path, tmp_path: Path
) -> None:
    database, folder = tmp_path / "database", tmp_path / "out"
    kept = ("--database", database, "--keep-audio")
    assert joint_command("enroll", "Anna", recordings[1], *kept).code == 0
    assert joint_command("enroll", "Bea", recordings[3], "--database", database).code == 0
    command = ("extract", "--mixture", mixture, "--database", database)
    line = refused(*command, "--all", "--output", folder, "--json", tmp_path / "out.json")
    assert line.startswith("error: Bea: extractor.profile: found a kept embedding")
    assert line.endswith("which joint enroll --keep-audio stores too")
    assert not folder.exists() and not (tmp_path / "out.json").exists()


def test_one_who_is_enrolled_by_the_mixture(
    joint_command: Command, refused: Refused, recordings: list[Path], tmp_path: Path
) -> None:
    """Stored as another file may hold it: with silence before it, and quieter."""
    database, folder, mixture = tmp_path / "database", tmp_path / "out", recordings[2]
    copy = tmp_path / "copy.wav"
    soundfile.write(copy, np.concatenate([np.zeros(1105), 0.5 * read_audio(mixture)]), 16_000)
    for name, path in (("Anna", recordings[1]), ("Bea", copy)):
        kept = ("--database", database, "--keep-audio")
        assert joint_command("enroll", name, path, *kept).code == 0
    command = ("extract", "--mixture", mixture, "--database", database, "--all")
    line = refused(*command, "--output", folder)
    assert line.startswith("error: Bea, enrolment 0: found the mixture itself"), line
    assert not folder.exists()


def test_two_outputs_at_one_place(
    joint_command: Command, refused: Refused, recordings: list[Path], mixture: Path, tmp_path: Path
) -> None:
    database, folder = tmp_path / "database", tmp_path / "out"
    assert joint_command("enroll", "Anna", recordings[1], "--database", database).code == 0
    command = ("extract", "--mixture", mixture, "--database", database, "--all")
    line = refused(*command, "--output", folder, "--json", folder / "Anna.wav")
    assert "another output of this command" in line and not folder.exists()
