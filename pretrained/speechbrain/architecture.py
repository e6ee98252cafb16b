"""What SpeechBrain's encoders have in common in this project's terms."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from joint.errors import CheckpointError
from pretrained.speechbrain.settings import Part
from pretrained.speechbrain.tagged_yaml import NAME, Tagged

Settings = dict[str, Any]
Tensors = dict[str, Tensor]

RELU, LEAKY_RELU = (Tagged(f"{NAME}torch.nn.{name}", "") for name in ("ReLU", "LeakyReLU"))


@dataclass(frozen=True, kw_only=True)
class Architecture(Part):
    """An encoder: `bands` names the argument that counts its input; `encoder` makes the node of our
    backbone and pooling, `tensors` our tensors of SpeechBrain's. Both raise CheckpointError."""

    bands: str
    encoder: Callable[[Settings, Path], Settings]
    tensors: Callable[[Tensors, Settings, Path], Tensors]


def unit(channels: list[int], ratios: tuple[int, ...], path: Path) -> int:
    """The first of `channels`, which must be `ratios` times it. Raises CheckpointError."""
    expected = [channels[0] * ratio for ratio in ratios]
    if channels[: len(ratios)] != expected:
        raise CheckpointError(path, f"channels {channels}", f"{expected} first")
    return channels[0]


def taken(tensors: Tensors, name: str, shape: tuple[int, ...], path: Path) -> Tensor:
    """Take a tensor out of `tensors`. Raises CheckpointError where it is missing or misshapen."""
    if name not in tensors:
        raise CheckpointError(path, f"no tensor {name!r}", "a checkpoint of this architecture")
    value = tensors.pop(name)
    if value.shape != shape:
        raise CheckpointError(path, f"{name!r} of shape {tuple(value.shape)}", f"{shape}")
    return value


def as_linear(tensors: Tensors, *names: str) -> Tensors:
    """`tensors` with the last axis taken off the weights of these convolutions of 1."""
    ends = tuple(f"{name}.weight" for name in names)
    return {n: v.squeeze(-1) if n.endswith(ends) else v for n, v in tensors.items()}
