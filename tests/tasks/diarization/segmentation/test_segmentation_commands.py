"""Pipelines that need the segmentation task, by a checkpoint that has learnt it for two steps."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support import Command, Refused

import joint
from joint.app.checkpoints import SHIPPED
from joint.conversation.turns import read_turns


@pytest.fixture(scope="module")
def checkpoint(after_two_steps: Callable[[str], Path]) -> Path:
    """Two steps of the recipe."""
    return after_two_steps("segmentation")


@pytest.mark.parametrize("pipeline", ["overlap", "powerset"])
def test_turns(
    pipeline: str, joint_command: Command, checkpoint: Path, one_person: Path, tmp_path: Path
) -> None:
    output = tmp_path / "talk.rttm"
    # the encoder is the shipped one: the number of speakers is found by its threshold
    common = ("diarize", one_person, "--output", output, "--pipeline", pipeline)
    outcome = joint_command(*common, "--checkpoint", checkpoint, "--clustering", "agglomerative")
    assert outcome.code == 0, outcome
    assert {turn.speaker for turn in read_turns(output).get("talk", [])} <= {"speaker1"}


@pytest.mark.parametrize("pipeline", ["overlap", "powerset"])
def test_a_checkpoint_without_the_task(
    pipeline: str, refused: Refused, one_person: Path, tmp_path: Path
) -> None:
    output = tmp_path / "talk.rttm"
    before = ("--checkpoint", f"{SHIPPED}-base")
    line = refused("diarize", one_person, "--output", output, "--pipeline", pipeline, *before)
    assert "found tasks verification" in line and "one with a task segmentation" in line
    assert not output.exists()


def test_a_frozen_encoder_keeps_its_thresholds(checkpoint: Path) -> None:
    shipped, trained = (joint.load(c, tasks=()) for c in (SHIPPED, checkpoint))
    assert trained.diarization_threshold == shipped.diarization_threshold is not None
    assert trained.threshold == shipped.threshold and trained.calibration == shipped.calibration
    assert trained.identity.fingerprint == shipped.identity.fingerprint
