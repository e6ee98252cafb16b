"""Enrol, identify and forget real speakers with the shipped checkpoint."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import Command, Outcome, Refused

from joint.app.api import load
from joint.app.checkpoints import SHIPPED
from tasks.verification.enrolment.database import read_recordings
from tasks.verification.enrolment.files import edit_database

pytestmark = pytest.mark.usefixtures("loaded_once")

Speakers = dict[str, list[Path]]


@pytest.fixture(scope="module")
def enrolled(speakers: Speakers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six speakers with two recordings each."""
    folder, model = tmp_path_factory.mktemp("enrolled") / "database", load(SHIPPED)
    with edit_database(folder, model.identity) as database:
        for name in list(speakers)[:6]:
            database.enroll(name, read_recordings(model.embed, speakers[name][:2]))
    return folder


@pytest.fixture
def database(enrolled: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return shutil.copytree(enrolled, tmp_path / "database")


@pytest.fixture
def ask(joint_command: Command, database: Path) -> Callable[..., Outcome]:
    def run(recording: Path, *options: object) -> Outcome:
        return joint_command("identify", recording, "--database", database, *options)

    return run


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_enrolled_speakers_are_identified_and_others_are_not(
    ask: Callable[..., Outcome], speakers: Speakers
) -> None:
    answers = [
        (name, place, ask(path))
        for place, name in enumerate(speakers)
        for path in speakers[name][2:5]
    ]
    assert all(answer.code == 0 and not answer.err for _, _, answer in answers)
    right = sum(place < 6 and a.out.startswith(f"{name}: ") for name, place, a in answers)
    unknown = sum(place >= 6 and a.out.startswith("unknown speaker") for _, place, a in answers)
    # 17 and 15 of 18 each; at chance one in six is right, and all or none are unknown
    assert right >= 15 and unknown >= 12, (right, unknown)


def test_recordings_are_added_and_replaced(
    joint_command: Command, database: Path, speakers: Speakers
) -> None:
    one, two, three = speakers["0005"][:3]
    enroll = ("enroll", "0005", "--database", database)
    again = joint_command(*enroll, one, three)
    assert again.out.startswith("0005: 3 recordings, ")
    assert all(path.name in again.out for path in (one, two, three))
    assert len(again.err) == 1 and f"{one.name}: left out" in again.err[0]
    anew = joint_command(*enroll, three, "--replace")
    assert anew.out.startswith("0005: 1 recording, ") and not anew.err
    assert two.name not in anew.out


def test_a_recording_of_another_speaker_is_refused(
    refused: Refused, database: Path, speakers: Speakers
) -> None:
    before, (first, second) = contents(database), list(speakers)[:2]
    line = refused("enroll", second, *speakers[first][:1], "--database", database)
    assert f"a recording of {first}" in line
    assert contents(database) == before


def test_a_bad_file_among_good_ones(
    refused: Refused, database: Path, speakers: Speakers, tmp_path: Path
) -> None:
    before, good = contents(database), speakers["0005"][5]
    broken, short = tmp_path / "broken.wav", tmp_path / "short.wav"
    broken.write_bytes(b"RIFF nothing")
    soundfile.write(short, np.full(8000, 0.1), 16_000)
    for bad in (broken, short, tmp_path / "missing.wav"):
        assert str(bad) in refused("enroll", "0005", good, bad, "--database", database)
        assert str(bad) in refused("enroll", "N", bad, "--database", tmp_path / "new")
    assert contents(database) == before
    assert not (tmp_path / "new").exists()


def test_names(
    joint_command: Command, refused: Refused, database: Path, speakers: Speakers
) -> None:
    recordings = speakers[list(speakers)[7]]
    for name, recording in zip(["Zoë van den Berg", "王小明"], recordings, strict=False):
        outcome = joint_command("enroll", name, recording, "--database", database)
        assert outcome.out.startswith(f"{name}: 1 recording, ")
        assert outcome.out.count("\n") == 1
    before = contents(database)
    for name in ("", "  ", "two\nlines", "x" * 101, os.fsdecode(b"\xff")):
        line = refused("enroll", name, recordings[2], "--database", database)
        assert "1 to 100 characters" in line
    assert contents(database) == before


def test_top_and_json(ask: Callable[..., Outcome], speakers: Speakers, tmp_path: Path) -> None:
    recording, written = speakers["0005"][3], tmp_path / "answer.json"
    outcome = ask(recording, "--top", 3, "--json", written, "--threshold", -1)
    figures = json.loads(written.read_text())
    scores = list(figures["scores"].values())
    assert len(scores) == 3 and scores == sorted(scores, reverse=True)
    assert figures["speaker"] == figures["best_match"] == next(iter(figures["scores"]))
    assert figures["score"] == scores[0] and figures["threshold"] == -1
    lines = outcome.out.splitlines()
    probability = figures["probability"]
    assert lines[0].endswith(
        f"score {scores[0]:.4f}, probability {probability:.3f} (threshold -1.0000)"
    )
    assert [line.split()[0] for line in lines[1:]] == ["1", "2", "3"]
    unknown = ask(recording, "--threshold", 1, "--json", written)
    assert unknown.out.startswith(f"unknown speaker, best match {figures['best_match']}: score")
    assert json.loads(written.read_text())["speaker"] is None


def test_what_identify_refuses(
    refused: Refused, database: Path, speakers: Speakers, tmp_path: Path
) -> None:
    recording = speakers["0005"][3]
    line = refused("identify", recording, "--database", tmp_path / "none")
    assert str(tmp_path / "none") in line and "joint enroll" in line
    for threshold in ("1.5", "nan"):
        line = refused("identify", recording, "--database", database, "--threshold", threshold)
        assert "a cosine" in line
    assert "speaker database" in refused("forget", "Anna", "--database", tmp_path / "none")
    assert not (tmp_path / "none").exists()
    assert "speaker database" in refused("forget", "Anna", "--database", tmp_path)
    assert os.listdir(tmp_path) == [database.name]


def test_another_checkpoint(
    joint_command: Command,
    refused: Refused,
    tiny_checkpoint: Path,
    speakers: Speakers,
    tmp_path: Path,
) -> None:
    """It has no threshold, and its embeddings mean nothing to the shipped checkpoint."""
    common = ("--database", tmp_path / "database", "--checkpoint", tiny_checkpoint)
    one, two = speakers["0005"][:2]
    assert joint_command("enroll", "Anna", one, *common).code == 0
    assert "or --threshold" in refused("identify", two, *common)
    outcome = joint_command("identify", two, *common, "--threshold", "-1")
    assert outcome.out.startswith("Anna: score ") and "probability" not in outcome.out
    for verb in (("enroll", "Ben"), ("identify",)):
        line = refused(*verb, two, "--database", tmp_path / "database")
        assert "encoder" in line and SHIPPED in line


def test_forget(
    joint_command: Command, refused: Refused, database: Path, speakers: Speakers
) -> None:
    name = next(iter(speakers))
    outcome = joint_command("forget", name, "--database", database)
    assert outcome.out == f"{name}: 2 recordings removed; speakers left: 5\n"
    assert "no enrolled speaker of this name" in refused("forget", name, "--database", database)
