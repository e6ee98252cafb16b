"""Clustering's speakers looked for again, by a checkpoint that has learnt it for two steps."""

import json
from pathlib import Path

import pytest
from support import ROOT, Command, Refused, short

from joint.app.checkpoints import named_checkpoint
from joint.audio import read_audio, write_audio
from joint.conversation.turns import read_turns
from joint.training.run import train

TS_VAD = ("--pipeline", "ts-vad")


@pytest.fixture(scope="module")
def checkpoint(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two steps of the recipe, on the shipped encoder."""
    recipe = ROOT / "recipes" / "speechocean762" / "activity.yaml"
    output = tmp_path_factory.mktemp("activity") / "run"
    folder = prepared / "train"
    overrides = [o for o in short(recipe, folder, folder, output) if "validation.batch" not in o]
    small = ["validation.batches=1", "validation.batch_size=2", "validation.scenes.turns=2"]
    return train(recipe, [*overrides, *small], find=named_checkpoint)


@pytest.fixture(scope="module")
def recording(embedded_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One person."""
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    files = sorted((embedded_corpus / "WAVE").rglob("*.ogg"))
    write_audio(path, read_audio(files[0]))
    return path


def test_turns_and_figures(
    joint_command: Command, checkpoint: Path, recording: Path, prepared: Path, tmp_path: Path
) -> None:
    output = tmp_path / "talk.rttm"
    common = ("diarize", recording, "--speakers", 1, "--checkpoint", checkpoint)
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
        "personal",
    }
    clustering = found["by_system"]["clustering, speech and number given"]
    # where speech is was given: what is missed is overlap alone
    assert clustering["false_alarm_percent"] < 0.5 < clustering["frame_error_percent"]
    assert 0.0 < found["by_system"]["activity"]["target_average_precision"] <= 1.0


def test_a_checkpoint_without_the_task(refused: Refused, recording: Path, tmp_path: Path) -> None:
    output = tmp_path / "talk.rttm"
    line = refused("diarize", recording, "--output", output, *TS_VAD)
    assert "found tasks verification" in line and "expected one with a task activity" in line
    assert not output.exists()


def test_conversations_that_cannot_be(refused: Refused, checkpoint: Path, prepared: Path) -> None:
    common = ("evaluate", "activity", "--data", prepared / "train")
    line = refused(*common)
    assert "expected one with an activity task" in line
    line = refused(*common, "--checkpoint", checkpoint, "--speakers", 99)
    assert "speakers; expected 99 for such scenes" in line
