"""Recordings that nobody should be enrolled, verified or identified with, on the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import Command, Refused
from treated import clipped, stored_at, telephone, zeros

from joint.audio import read_audio

pytestmark = pytest.mark.usefixtures("loaded_once")


def write(path: Path, samples: np.ndarray) -> Path:
    soundfile.write(path, samples, 16_000, subtype="PCM_16")
    return path


@pytest.fixture
def dead(tmp_path: Path) -> dict[str, Path]:
    """Recordings without speech: what case 3 of users' reports enrolled and identified."""
    count, draw = 48_000, np.random.default_rng(0)
    one = np.zeros(count)
    one[count // 3] = 1 / 32_768
    sounds = {
        "tone": 0.3 * np.sin(2 * np.pi * 440 * np.arange(count) / 16_000),
        "constant": np.full(count, 0.1),
        "one": one,
        "room": 0.003 * draw.standard_normal(count),
        "muted": np.round(0.6 * draw.standard_normal(count)) / 32_768,
    }
    return {name: write(tmp_path / f"{name}.wav", sound) for name, sound in sounds.items()}


def test_no_enrolment_without_speech(
    refused: Refused, dead: dict[str, Path], recordings: list[Path], tmp_path: Path
) -> None:
    database = tmp_path / "database"
    for path in dead.values():
        line = refused("enroll", "Anna", recordings[0], path, "--database", database)
        assert f"{path}: found no speech (" in line and "at least 1 s of speech" in line
        assert not database.exists()


def test_a_muted_microphone_opens_nothing(
    joint_command: Command, dead: dict[str, Path], recordings: list[Path], tmp_path: Path
) -> None:
    database, written = tmp_path / "database", tmp_path / "answer.json"
    assert joint_command("enroll", "Anna", recordings[0], "--database", database).code == 0
    for path in dead.values():
        outcome = joint_command(
            *("identify", path, "--database", database, "--threshold", -1, "--json", written)
        )
        assert outcome.code == 0 and outcome.out.startswith("unknown speaker, ")
        assert "probability withheld: no speech" in outcome.out
        assert len(outcome.err) == 1 and f"{path}: no speech" in outcome.err[0]
        answer = json.loads(written.read_text())
        assert (answer["speaker"], answer["probability"]) == (None, None)


def test_no_decision_without_speech(
    joint_command: Command, dead: dict[str, Path], recordings: list[Path], tmp_path: Path
) -> None:
    written = tmp_path / "verified.json"
    for pair in ((dead["muted"], dead["room"]), (recordings[0], dead["tone"])):
        outcome = joint_command("verify", *pair, "--threshold", -1, "--json", written)
        assert outcome.code == 0 and " no decision: no speech (threshold -1.0000)" in outcome.out
        assert "same" not in outcome.out and "probability" not in outcome.out
        found = json.loads(written.read_text())
        assert (found["same"], found["probability"], found["withheld"]) == (None, None, "no speech")


@pytest.mark.parametrize(
    ("treat", "flaw"),
    [
        (stored_at(8000), "narrow band"),
        (telephone, "narrow band"),
        (clipped(0.05), "clipped"),
        (zeros(0.6, before=False), "digital silence"),
    ],
)
def test_one_warning_and_no_probability(
    joint_command: Command,
    recordings: list[Path],
    tmp_path: Path,
    treat: Callable[[np.ndarray], np.ndarray],
    flaw: str,
) -> None:
    bad = write(tmp_path / "bad.wav", treat(read_audio(recordings[1])))
    outcome = joint_command("verify", recordings[0], bad)
    assert outcome.code == 0 and f", probability withheld: {flaw} (threshold " in outcome.out
    assert len(outcome.err) == 1 and outcome.err[0].startswith(f"warning: {bad}: {flaw} (")
    database = tmp_path / "database"
    enrolled = joint_command("enroll", "Anna", bad, "--database", database)
    assert enrolled.code == 0 and len(enrolled.err) == 1 and flaw in enrolled.err[0]
    found = joint_command("identify", recordings[0], "--database", database)
    assert f"probability withheld: {flaw}" in found.out and not found.err


def test_both_recordings_are_warned_of(
    joint_command: Command, recordings: list[Path], tmp_path: Path
) -> None:
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for path, recording in zip(paths, recordings, strict=False):
        write(path, telephone(read_audio(recording)))
    outcome = joint_command("verify", *paths)
    assert [line.partition(": narrow band")[0] for line in outcome.err] == [
        f"warning: {path}" for path in paths
    ]


def test_channels_that_cancel_each_other(
    joint_command: Command, refused: Refused, recordings: list[Path], tmp_path: Path
) -> None:
    path, voice = tmp_path / "stereo.wav", read_audio(recordings[1])
    soundfile.write(path, np.stack([voice, -0.9 * voice], 1), 16_000)
    outcome = joint_command("verify", recordings[0], path)
    assert outcome.code == 0 and "probability withheld: cancelled channels" in outcome.out
    assert len(outcome.err) == 1 and "cancelled channels" in outcome.err[0]
    line = refused("enroll", "Anna", path, "--database", tmp_path / "database")
    assert "expected channels in phase" in line
    soundfile.write(path, np.stack([voice, -voice], 1), 16_000, subtype="FLOAT")
    assert "cancel each other" in refused("verify", recordings[0], path)
    assert "cancel each other" in refused("diarize", path, "--output", tmp_path / "a.rttm")


def test_diarization_warns(joint_command: Command, recordings: list[Path], tmp_path: Path) -> None:
    path, output = tmp_path / "phone.wav", tmp_path / "phone.rttm"
    write(path, telephone(np.concatenate([read_audio(r) for r in recordings])))
    outcome = joint_command("diarize", path, "--output", output, "--speakers", 2)
    assert outcome.code == 0 and output.read_text()
    assert len(outcome.err) == 1 and f"{path}: narrow band" in outcome.err[0]


def test_extraction_looks_at_enrolment_and_mixture(
    joint_command: Command,
    refused: Refused,
    dead: dict[str, Path],
    recordings: list[Path],
    tmp_path: Path,
) -> None:
    output = tmp_path / "out.wav"
    for path in dead.values():
        files = ("--mixture", recordings[0], "--enrollment", path)
        line = refused("extract", *files, "--output", output)
        assert f"{path}: found no speech" in line and not output.exists()
    files = ("--mixture", dead["room"], "--enrollment", recordings[0])
    outcome = joint_command("extract", *files, "--output", output)
    assert outcome.code == 0 and output.exists()
    assert outcome.err[0] == f"warning: {dead['room']}: no speech (noise)"
    assert "the enrolled speaker is not present" in outcome.err[1]


def test_extraction_says_who_is_not_present(
    joint_command: Command, recordings: list[Path], tmp_path: Path
) -> None:
    """Case 13: the output was 6 to 19 dB below the input, without a word."""
    output = tmp_path / "out.wav"
    files = ("--mixture", recordings[0], "--enrollment", recordings[2], "--output", output)
    outcome = joint_command("extract", *files)
    assert outcome.code == 0 and output.exists() and len(outcome.err) == 1
    assert f"{recordings[0]}: the enrolled speaker is not present (score -" in outcome.err[0]
    own = joint_command("extract", *files[:3], recordings[1], *files[4:])
    assert own.code == 0 and not own.err
