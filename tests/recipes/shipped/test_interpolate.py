"""Weights between two encoders of one training."""

from pathlib import Path

import pytest
import torch

from joint.errors import CheckpointError, ConfigError
from joint.training import checkpoint
from recipes.shipped.interpolate import ENCODER, interpolate


def test_the_encoder_lies_between_and_the_tasks_are_the_later_ones(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    before, metadata = checkpoint.read(tiny_checkpoint)
    after = {k: v + 1 if v.is_floating_point() else v for k, v in before.items()}
    checkpoint.write(tmp_path / "later.safetensors", after, metadata)
    output = tmp_path / "between.safetensors"
    interpolate(tiny_checkpoint, tmp_path / "later.safetensors", output, 0.7)
    found, _ = checkpoint.read(output)
    assert found.keys() == after.keys()
    for name, tensor in found.items():
        if not tensor.is_floating_point() or not name.startswith(ENCODER):
            assert torch.equal(tensor, after[name]), name
        else:
            torch.testing.assert_close(tensor, before[name] + 0.7)


def test_what_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    output = tmp_path / "between.safetensors"
    with pytest.raises(ConfigError, match="share"):
        interpolate(tiny_checkpoint, tiny_checkpoint, output, 1.5)
    tensors, metadata = checkpoint.read(tiny_checkpoint)
    other = {k: v for k, v in tensors.items() if not k.startswith(ENCODER)}
    checkpoint.write(tmp_path / "other.safetensors", other, metadata)
    with pytest.raises(CheckpointError, match="of this shape"):
        interpolate(tmp_path / "other.safetensors", tiny_checkpoint, output, 0.5)
    assert not output.exists()
