"""`joint extract`: of whom, to which file, and what it refuses; with the shipped checkpoint where
an answer depends on it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import TINY, Command, Refused

from joint.audio import read_audio
from joint.training.run import train

pytestmark = pytest.mark.usefixtures("loaded_once")


@pytest.fixture
def mixture(recordings: list[Path], tmp_path: Path) -> Path:
    """The first recordings of two speakers at once."""
    one, other = (read_audio(recordings[i]) for i in (0, 2))
    length = min(len(one), len(other))
    path = tmp_path / "mixture.wav"
    soundfile.write(path, 0.5 * (one[:length] + other[:length]), 16_000)
    return path


@pytest.fixture(scope="module")
def tiny_kept_checkpoint(
    tiny_overrides: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """As `tiny_checkpoint`, but an embedding that was kept is all that the extractor needs."""
    output = f"output={tmp_path_factory.mktemp('kept') / 'run'}"
    profile = "tasks.extraction.task.extractor.profile=false"
    return train(TINY, [*tiny_overrides, output, profile, "trainer.max_steps=1"])


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A file in a folder of its own."""
    return tmp_path / "out" / "extracted.wav"


@pytest.fixture
def stranger(speakers: dict[str, list[Path]]) -> Path:
    """A recording of somebody whom the shipped checkpoint notices to be absent."""
    return list(speakers.values())[7][1]


def test_several_enrolments_of_one_speaker(
    joint_command: Command, recordings: list[Path], mixture: Path, output: Path
) -> None:
    """The order of the recordings hardly matters, and each of them has its part in the output."""
    voices = []
    for chosen in ((0, 1), (1, 0), (1,)):
        files = [word for i in chosen for word in ("--enrollment", recordings[i])]
        outcome = joint_command("extract", "--mixture", mixture, *files, "--output", output)
        assert outcome.code == 0 and not outcome.err, outcome
        assert outcome.out.startswith(f"{output}: present (score ")
        voices.append(read_audio(output))
    both, turned, single = voices
    assert not np.allclose(both, single, atol=1e-3)
    assert np.corrcoef(both, turned)[0, 1] > 0.99


def test_an_absent_speaker(
    joint_command: Command, stranger: Path, mixture: Path, output: Path
) -> None:
    """The file is written with a warning; not with --skip-absent."""
    written = output.with_suffix(".json")
    command = ("extract", "--mixture", mixture, "--enrollment", stranger, "--output", output)
    skipped = joint_command(*command, "--skip-absent", "--json", written)
    assert skipped.code == 0 and skipped.out.startswith("not present (score ")
    assert len(skipped.err) == 1 and "the enrolled speaker is not present" in skipped.err[0]
    (found,) = json.loads(written.read_text())["extracted"]
    assert found["file"] is None and found["present"] is False and found["presence"] < 0
    assert not output.exists()
    kept = joint_command(*command)
    assert kept.code == 0 and kept.out.startswith(f"{output}: not present (score ")
    assert output.exists()


def test_skipping_needs_a_decision(
    refused: Refused, tiny_checkpoint: Path, recordings: list[Path], mixture: Path, output: Path
) -> None:
    command = ("extract", "--mixture", mixture, "--enrollment", recordings[1], "--output", output)
    line = refused(*command, "--checkpoint", tiny_checkpoint, "--skip-absent")
    assert "found no decision on presence" in line and not output.exists()


def test_as_loud_as_in_the_mixture(
    joint_command: Command, recordings: list[Path], mixture: Path, output: Path
) -> None:
    """Nothing is normalised: a mixture 20 dB quieter gives speech 20 dB quieter."""
    quiet = mixture.with_name("quiet.wav")
    soundfile.write(quiet, 0.1 * read_audio(mixture), 16_000, subtype="FLOAT")
    levels = []
    for path in (mixture, quiet):
        command = ("extract", "--mixture", path, "--enrollment", recordings[1])
        assert joint_command(*command, "--output", output).code == 0
        levels.append(20 * np.log10(read_audio(output).std()))
    assert levels[0] - levels[1] == pytest.approx(20, abs=0.2)
    target = read_audio(recordings[0])
    assert levels[0] == pytest.approx(20 * np.log10(0.5 * target.std()), abs=4)


def test_a_person_of_a_database_and_all_of_them(
    joint_command: Command,
    refused: Refused,
    tiny_kept_checkpoint: Path,
    recordings: list[Path],
    mixture: Path,
    tmp_path: Path,
) -> None:
    """A file for each, whatever the names; a name cannot lead out of the folder."""
    database, folder = tmp_path / "database", tmp_path / "out"
    common = ("--database", database, "--checkpoint", tiny_kept_checkpoint)
    for name, path in (("Anna", recordings[1]), ("../Bea", recordings[3])):
        assert joint_command("enroll", name, path, *common).code == 0
    command = ("extract", "--mixture", mixture, *common, "--output")
    alone = joint_command(*command, folder / "a.wav", "--name", "Anna")
    assert (alone.code, alone.out) == (0, f"{folder / 'a.wav'}\n")
    assert "expected Anna" in refused(*command, folder / "b.wav", "--name", "Bea")
    everyone = joint_command(*command, folder, "--all")
    files = [folder / "Anna.wav", folder / "%2E.%2FBea.wav"]
    assert (everyone.code, everyone.out) == (0, "".join(f"{path}\n" for path in files))
    assert np.array_equal(read_audio(files[0]), read_audio(folder / "a.wav"))
    assert not np.array_equal(read_audio(files[0]), read_audio(files[1]))
    assert {path.name for path in folder.iterdir()} == {"a.wav", *(f.name for f in files)}


def test_everybody_by_recordings_that_were_kept(
    joint_command: Command,
    refused: Refused,
    recordings: list[Path],
    stranger: Path,
    mixture: Path,
    tmp_path: Path,
) -> None:
    """The shipped extractor reads the enrolment's recording. Who is absent is named."""
    database, folder = tmp_path / "database", tmp_path / "out"
    common = ("--database", database)
    assert joint_command("enroll", "Anna", recordings[1], *common).code == 0
    command = ("extract", "--mixture", mixture, *common, "--all", "--output", folder)
    assert "without its recording" in refused(*command) and not folder.exists()
    people = {"Anna": recordings[1], "Bea": recordings[3], "Cleo": stranger}
    for name, path in people.items():
        assert joint_command("enroll", name, path, *common, "--replace", "--keep-audio").code == 0
    outcome = joint_command(*command, "--skip-absent")
    assert outcome.code == 0 and not outcome.err, outcome
    lines = outcome.out.splitlines()
    assert lines[0].startswith(f"{folder / 'Anna.wav'}: present (score ")
    assert lines[1].startswith(f"{folder / 'Bea.wav'}: present (score ")
    assert lines[2].startswith("Cleo: not present (score ") and len(lines) == 3
    assert {path.name for path in folder.iterdir()} == {"Anna.wav", "Bea.wav"}
    alone = ("extract", "--mixture", mixture, "--enrollment", recordings[1])
    assert joint_command(*alone, "--output", folder / "a.wav").code == 0
    known, given = read_audio(folder / "Anna.wav"), read_audio(folder / "a.wav")
    assert np.corrcoef(known, given)[0, 1] > 0.999


def test_all_of_a_database_is_refused(
    refused: Refused,
    joint_command: Command,
    tiny_kept_checkpoint: Path,
    recordings: list[Path],
    mixture: Path,
    tmp_path: Path,
) -> None:
    database = tmp_path / "database"
    common = ("--database", database, "--checkpoint", tiny_kept_checkpoint)
    assert joint_command("enroll", "mixture", recordings[1], *common).code == 0
    command = ("extract", "--mixture", mixture, "--all", "--output")
    assert "expected --all --database DB alone" in refused(*command, tmp_path / "out")
    for more in (("--name", "mixture"), ("--enrollment", recordings[1])):
        assert "DB alone" in refused(*command, tmp_path / "out", *common, *more)
    before = mixture.read_bytes()
    assert "an input of this command" in refused(*command, tmp_path, *common)
    os.link(mixture, tmp_path / "hard.wav")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "mixture.wav").symlink_to(tmp_path / "hard.wav")
    assert "an input of this command" in refused(*command, tmp_path / "linked", *common)
    assert "the speaker database" in refused(*command, database, *common)
    assert mixture.read_bytes() == before
    assert not (tmp_path / "out").exists()


def test_who_is_enrolled_must_be_clear(
    refused: Refused, recordings: list[Path], mixture: Path, output: Path, tmp_path: Path
) -> None:
    command = ("extract", "--mixture", mixture, "--output", output)
    expected = "expected a recording, or a speaker database and a name in it"
    assert expected in refused(*command)
    assert expected in refused(*command, "--name", "Anna")
    assert expected in refused(*command, "--enrollment", recordings[1], "--database", tmp_path)


@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_16"])
def test_an_enrolment_that_is_the_mixture(
    refused: Refused, mixture: Path, recordings: list[Path], output: Path, subtype: str
) -> None:
    """At another level too, and beside a good one."""
    copy = mixture.with_name("copy.wav")
    soundfile.write(copy, 0.3 * read_audio(mixture), 16_000, subtype=subtype)
    files = ("--enrollment", recordings[1], "--enrollment", copy)
    line = refused("extract", "--mixture", mixture, *files, "--output", output)
    assert line.startswith(
        f"error: {copy}: found the mixture itself; expected a recording in which"
    )
    assert not output.parent.exists()


def test_a_silent_enrolment_beside_a_good_one(
    refused: Refused, mixture: Path, recordings: list[Path], output: Path
) -> None:
    silent = mixture.with_name("silent.wav")
    noise = 0.001 * np.random.default_rng(0).standard_normal(32_000)
    soundfile.write(silent, noise, 16_000)
    files = ("--enrollment", recordings[1], "--enrollment", silent)
    line = refused("extract", "--mixture", mixture, *files, "--output", output)
    assert line.startswith(f"error: {silent}: found no speech")


def test_a_mixture_shorter_than_a_window(
    refused: Refused, recordings: list[Path], tmp_path: Path, output: Path
) -> None:
    short = tmp_path / "short.wav"
    soundfile.write(short, read_audio(recordings[0])[8000:8500], 16_000)
    files = ("--enrollment", recordings[1], "--output", output)
    line = refused("extract", "--mixture", short, *files)
    assert line.startswith(f"error: {short}: found 0.0312 s of audio; expected at least 0.3 s")
    assert not output.parent.exists()


def test_two_people_in_an_enrolment(
    joint_command: Command, recordings: list[Path], mixture: Path, output: Path, tmp_path: Path
) -> None:
    """One after the other: what windows of the enrolment can tell. One person gives no warning."""
    first, _, second, _ = map(read_audio, recordings)
    enrolment = tmp_path / "two.wav"
    soundfile.write(enrolment, np.concatenate([first, second]), 16_000)
    command = ("extract", "--mixture", mixture, "--output", output, "--enrollment")
    outcome = joint_command(*command, enrolment)
    assert outcome.code == 0 and len(outcome.err) == 1, outcome
    expected = f"warning: {enrolment}: the voices of 2 people; expected a recording in which the "
    assert outcome.err[0].startswith(expected)
