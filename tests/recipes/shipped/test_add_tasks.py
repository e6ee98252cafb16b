"""Heads of other trainings join a checkpoint whose encoder they kept."""

from pathlib import Path

import pytest
import torch

from joint.errors import CheckpointError
from joint.training import checkpoint
from recipes.shipped.add_tasks import ENCODER, TASKS, add_tasks

VOICE = f"{TASKS}synthesis."


@pytest.fixture
def retrained(speaking_checkpoint: Path, tmp_path: Path) -> Path:
    """The same encoder, another head."""
    tensors, metadata = checkpoint.read(speaking_checkpoint)
    moved = {k: v + 1 if k.startswith(VOICE) else v for k, v in tensors.items()}
    checkpoint.write(tmp_path / "retrained.safetensors", moved, metadata)
    return tmp_path / "retrained.safetensors"


def test_a_head_takes_the_place_of_the_one_before(
    speaking_checkpoint: Path, retrained: Path, tmp_path: Path
) -> None:
    output = tmp_path / "joined.safetensors"
    given = "Apache-2.0; trained on others too"
    names = add_tasks(speaking_checkpoint, output, {"synthesis": retrained}, licence=given)
    base, _ = checkpoint.read(speaking_checkpoint)
    found, metadata = checkpoint.read(output)
    assert set(names) == set(metadata["config"]["tasks"]) and metadata["licence"] == given
    for key, value in found.items():
        shift = 1.0 if key.startswith(VOICE) and value.is_floating_point() else 0.0
        torch.testing.assert_close(value.float(), base[key].float() + shift, rtol=1e-2, atol=1e-2)
    assert set(found) == {k for k in base if k.startswith(checkpoint.MODEL)}


def test_parts_that_lie_beside_it_are_left_there(speaking_checkpoint: Path, tmp_path: Path) -> None:
    half, retrained = tmp_path / "half.safetensors", tmp_path / "retrained.safetensors"
    add_tasks(speaking_checkpoint, half, {})
    tensors, described = checkpoint.read(half)
    moved = {k: v + 1 if k.startswith(VOICE) else v for k, v in tensors.items()}
    checkpoint.write(retrained, moved, described)
    output = tmp_path / "joined.safetensors"
    names = add_tasks(half, output, {"synthesis": retrained}, beside=[half.name])
    own, _ = checkpoint.read_own(output)
    heads = {key.split(".")[1] for key in own if key.startswith(TASKS)}
    assert heads == {"synthesis"} and len(names) > 1
    assert not any(key.startswith(ENCODER) for key in own)
    whole, _ = checkpoint.read(output)
    before, _ = checkpoint.read(half)
    assert whole.keys() == before.keys()
    for key, value in whole.items():
        assert key.startswith(VOICE) or torch.equal(value, before[key])


def test_a_head_of_another_encoder_or_none_at_all_is_refused(
    speaking_checkpoint: Path, tmp_path: Path
) -> None:
    output = tmp_path / "joined.safetensors"
    with pytest.raises(CheckpointError, match="one with a task recognition"):
        add_tasks(speaking_checkpoint, output, {"recognition": speaking_checkpoint})
    tensors, metadata = checkpoint.read(speaking_checkpoint)
    other = {k: v + 1 if k.startswith(ENCODER) else v for k, v in tensors.items()}
    checkpoint.write(tmp_path / "other.safetensors", other, metadata)
    with pytest.raises(CheckpointError, match="another encoder"):
        add_tasks(speaking_checkpoint, output, {"synthesis": tmp_path / "other.safetensors"})
    assert not output.exists()
