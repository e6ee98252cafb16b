"""Enrol, identify and forget real people with the shipped checkpoint."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import Command, Outcome, Refused

from joint.app.api import SpeakerModel, load
from joint.app.cli.inference import enroll, identify
from joint.data.corpus import Corpus

SHIPPED = ("--checkpoint", "speechocean762-joint")

Speech = dict[str, list[Path]]


@pytest.fixture(scope="module")
def speech(embedded_corpus: Path) -> Speech:
    """Recordings of the twelve people that the shipped checkpoint never heard."""
    people: Speech = {}
    for utterance in Corpus.load(embedded_corpus / "test").utterances:
        assert utterance.speaker is not None
        people.setdefault(utterance.speaker, []).append(Path(utterance.path))
    return people


@pytest.fixture(scope="module")
def shipped() -> SpeakerModel:
    return load(SHIPPED[1])


@pytest.fixture
def loaded_once(shipped: SpeakerModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every verb opens the checkpoint anew; many calls in a test would load it each time."""
    for verb in (enroll, identify):
        monkeypatch.setattr(verb, "open_model", lambda *_, **__: shipped)


@pytest.fixture
def book(loaded_once: None, joint_command: Command, speech: Speech, tmp_path: Path) -> Path:
    """Six people, two recordings each."""
    folder = tmp_path / "voices"
    for name in list(speech)[:6]:
        outcome = joint_command("enroll", name, *speech[name][:2], "--book", folder, *SHIPPED)
        assert outcome.code == 0 and outcome.out.startswith(f"{name}: 2 recordings, "), outcome
    return folder


@pytest.fixture
def ask(joint_command: Command, book: Path) -> Callable[..., Outcome]:
    def run(recording: Path, *options: object) -> Outcome:
        return joint_command("identify", recording, "--book", book, *SHIPPED, *options)

    return run


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_real_people_are_known_and_strangers_are_not(
    ask: Callable[..., Outcome], speech: Speech
) -> None:
    answers = [
        (name, place, ask(path)) for place, name in enumerate(speech) for path in speech[name][2:5]
    ]
    assert all(answer.code == 0 and not answer.err for _, _, answer in answers)
    known = sum(place < 6 and a.out.startswith(f"{name}: ") for name, place, a in answers)
    stranger = sum(place >= 6 and a.out.startswith("nobody known") for _, place, a in answers)
    # 17 and 15 of 18 each; chance would name one in six and be no judge of strangers
    assert known >= 15 and stranger >= 12, (known, stranger)


def test_enrolments_add_up(
    joint_command: Command, ask: Callable[..., Outcome], book: Path, speech: Speech
) -> None:
    one, two, three = speech["0005"][:3]
    enrol = ("enroll", "0005", "--book", book, *SHIPPED)
    again = joint_command(*enrol, one, three)
    assert again.out.startswith("0005: 3 recordings, ")
    assert all(path.name in again.out for path in (one, two, three))
    assert len(again.err) == 1 and f"{one.name}: left out" in again.err[0]
    anew = joint_command(*enrol, three, "--replace")
    assert anew.out.startswith("0005: 1 recording, ") and not anew.err
    assert two.name not in anew.out


def test_another_persons_recording_is_refused(refused: Refused, book: Path, speech: Speech) -> None:
    before, (first, second) = contents(book), list(speech)[:2]
    line = refused("enroll", second, *speech[first][:1], "--book", book, *SHIPPED)
    assert f"a recording of {first}" in line
    assert contents(book) == before


def test_a_bad_file_among_good_ones(
    refused: Refused, book: Path, speech: Speech, tmp_path: Path
) -> None:
    before, good = contents(book), speech["0005"][5]
    broken, short = tmp_path / "broken.wav", tmp_path / "short.wav"
    broken.write_bytes(b"RIFF nothing")
    soundfile.write(short, np.full(8000, 0.1), 16_000)
    for bad in (broken, short, tmp_path / "missing.wav"):
        assert str(bad) in refused("enroll", "0005", good, bad, "--book", book, *SHIPPED)
        assert str(bad) in refused("enroll", "N", bad, "--book", tmp_path / "new", *SHIPPED)
    assert contents(book) == before
    assert not (tmp_path / "new").exists()


def test_names(joint_command: Command, refused: Refused, book: Path, speech: Speech) -> None:
    recordings = speech[list(speech)[7]]
    for name, recording in zip(["Zoë van den Berg", "王小明"], recordings, strict=False):
        outcome = joint_command("enroll", name, recording, "--book", book, *SHIPPED)
        assert outcome.out.startswith(f"{name}: 1 recording, ")
        assert outcome.out.count("\n") == 1
    before = contents(book)
    for name in ("", "  ", "two\nlines", "x" * 101, os.fsdecode(b"\xff")):
        line = refused("enroll", name, recordings[2], "--book", book, *SHIPPED)
        assert "1 to 100 characters" in line
    assert contents(book) == before


def test_top_and_json(ask: Callable[..., Outcome], speech: Speech, tmp_path: Path) -> None:
    recording, written = speech["0005"][3], tmp_path / "answer.json"
    outcome = ask(recording, "--top", 3, "--json", written, "--threshold", -1)
    figures = json.loads(written.read_text())
    scores = list(figures["scores"].values())
    assert len(scores) == 3 and scores == sorted(scores, reverse=True)
    assert figures["person"] == figures["nearest"] == next(iter(figures["scores"]))
    assert figures["score"] == scores[0] and figures["threshold"] == -1
    lines = outcome.out.splitlines()
    probability = figures["probability"]
    assert lines[0].endswith(
        f"score {scores[0]:.4f}, probability {probability:.3f} (threshold -1.0000)"
    )
    assert [line.split()[0] for line in lines[1:]] == ["1", "2", "3"]
    nobody = ask(recording, "--threshold", 1, "--json", written)
    assert nobody.out.startswith(f"nobody known, nearest {figures['nearest']}: score")
    assert json.loads(written.read_text())["person"] is None


def test_what_identify_refuses(
    refused: Refused, book: Path, speech: Speech, tmp_path: Path
) -> None:
    recording = speech["0005"][3]
    line = refused("identify", recording, "--book", tmp_path / "none", *SHIPPED)
    assert str(tmp_path / "none") in line and "joint enroll" in line
    common = ("identify", recording, "--book", book, *SHIPPED)
    for threshold in ("1.5", "nan"):
        assert "a cosine" in refused(*common, "--threshold", threshold)
    assert "voice book" in refused("forget", "Anna", "--book", tmp_path / "none")
    assert not (tmp_path / "none").exists()
    assert "voice book" in refused("forget", "Anna", "--book", tmp_path)
    assert os.listdir(tmp_path) == [book.name]


def test_a_checkpoint_of_its_own(
    joint_command: Command, refused: Refused, tiny_checkpoint: Path, speech: Speech, tmp_path: Path
) -> None:
    """It stores no threshold, and another checkpoint's book says nothing to it."""
    common = ("--book", tmp_path / "voices", "--checkpoint", tiny_checkpoint)
    one, two = speech["0005"][:2]
    assert joint_command("enroll", "Anna", one, *common).code == 0
    assert "or --threshold" in refused("identify", two, *common)
    outcome = joint_command("identify", two, *common, "--threshold", "-1")
    assert outcome.out.startswith("Anna: score ") and "probability" not in outcome.out
    for verb in (("enroll", "Ben"), ("identify",)):
        line = refused(*verb, two, "--book", tmp_path / "voices", *SHIPPED)
        assert "encoder" in line and "speechocean762-joint" in line


def test_forget(joint_command: Command, refused: Refused, book: Path, speech: Speech) -> None:
    name = next(iter(speech))
    outcome = joint_command("forget", name, "--book", book)
    assert outcome.out == f"2 of {name} removed, 5 people left\n"
    assert "nobody of this name" in refused("forget", name, "--book", book)
