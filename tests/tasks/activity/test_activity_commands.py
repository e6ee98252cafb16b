"""Clustering's speakers looked for again, by a checkpoint that has learnt it for two steps."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Command, Refused

from joint.conversation.turns import read_turns

TS_VAD = ("--pipeline", "ts-vad")
BEFORE = "speechocean762-librispeech-joint-base"
"""The shipped checkpoint before it had a task for conversations."""


@pytest.fixture(scope="module")
def checkpoint(after_two_steps: Callable[[str], Path]) -> Path:
    """Two steps of the recipe."""
    return after_two_steps("activity")


def test_turns_and_figures(
    joint_command: Command, checkpoint: Path, one_person: Path, prepared: Path, tmp_path: Path
) -> None:
    output = tmp_path / "talk.rttm"
    common = ("diarize", one_person, "--speakers", 1, "--checkpoint", checkpoint)
    outcome = joint_command(*common, "--output", output, *TS_VAD)
    assert outcome.code == 0, outcome
    assert all(turn.speaker == "speaker1" for turn in read_turns(output).get("talk", []))
    figures = tmp_path / "activity.json"
    outcome = joint_command(
        *("evaluate", "activity", "--data", prepared / "train", "--checkpoint", checkpoint),
        *("--count", 2, "--json", figures),
    )
    assert outcome.code == 0, outcome
    found = json.loads(figures.read_text())
    assert set(found["by_system"]) == {
        "clustering, speech and number given",
        "activity",
        "activity, speech given",
        "personal",
    }
    clustering = found["by_system"]["clustering, speech and number given"]
    # where speech is was given: what is missed is overlap alone
    assert clustering["false_alarm_percent"] < 0.5 < clustering["frame_error_percent"]
    assert 0.0 < found["by_system"]["activity"]["target_average_precision"] <= 1.0


def test_a_checkpoint_without_the_task(refused: Refused, one_person: Path, tmp_path: Path) -> None:
    output = tmp_path / "talk.rttm"
    line = refused("diarize", one_person, "--output", output, *TS_VAD, "--checkpoint", BEFORE)
    assert "found tasks verification" in line and "expected one with a task activity" in line
    assert not output.exists()


def test_conversations_that_cannot_be(refused: Refused, checkpoint: Path, prepared: Path) -> None:
    common = ("evaluate", "activity", "--data", prepared / "train")
    line = refused(*common, "--checkpoint", BEFORE)
    assert "expected one with an activity task" in line
    line = refused(*common, "--checkpoint", checkpoint, "--speakers", 99)
    assert "speakers; expected 99 for such scenes" in line
