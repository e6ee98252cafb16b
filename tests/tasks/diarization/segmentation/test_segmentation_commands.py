"""Pipelines that need the segmentation task, by a checkpoint that has learnt it for two steps."""

from pathlib import Path

import pytest
from support import ROOT, Command, Refused, short

from joint.app.checkpoints import named_checkpoint
from joint.audio import read_audio, write_audio
from joint.conversation.turns import read_turns
from joint.training.run import train


@pytest.fixture(scope="module")
def checkpoint(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two steps of the recipe, on the shipped encoder."""
    recipe = ROOT / "recipes" / "speechocean762" / "segmentation.yaml"
    output = tmp_path_factory.mktemp("segmentation") / "run"
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


@pytest.mark.parametrize("pipeline", ["overlap", "powerset"])
def test_turns(
    pipeline: str, joint_command: Command, checkpoint: Path, recording: Path, tmp_path: Path
) -> None:
    output = tmp_path / "talk.rttm"
    common = ("diarize", recording, "--speakers", 1, "--output", output, "--pipeline", pipeline)
    outcome = joint_command(*common, "--checkpoint", checkpoint, "--clustering", "agglomerative")
    assert outcome.code == 0, outcome
    assert {turn.speaker for turn in read_turns(output).get("talk", [])} <= {"speaker1"}


@pytest.mark.parametrize("pipeline", ["overlap", "powerset"])
def test_a_checkpoint_without_the_task(
    pipeline: str, refused: Refused, recording: Path, tmp_path: Path
) -> None:
    output = tmp_path / "talk.rttm"
    line = refused("diarize", recording, "--output", output, "--pipeline", pipeline)
    assert "found tasks verification" in line and "one with a task segmentation" in line
    assert not output.exists()
