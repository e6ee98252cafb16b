"""WeSpeaker's tensors in our layouts, once they have our names."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from joint.errors import CheckpointError
from pretrained.wespeaker.names import AFTER, QUERIES

RES2_SCALE = 8
"""Groups of channels in ECAPA's Res2 blocks."""
NORM_EPSILON = 1e-5
NORM = ("weight", "bias", "running_mean", "running_var")


def _plain(value: Tensor) -> Tensor:
    """A convolution of width 1 as the linear layer that it is."""
    return value.squeeze(-1) if value.ndim == 3 else value


def _last_group_first(dimension: int) -> Callable[[Tensor], Tensor]:
    """Theirs leaves the last group of a Res2 block as it is, ours the first."""

    def turned(value: Tensor) -> Tensor:
        return value.roll(value.shape[dimension] // RES2_SCALE, dimension)

    return turned


def _time_first(value: Tensor) -> Tensor:
    """The kernel of an image convolution for images with time before frequency."""
    return value.transpose(-1, -2) if value.ndim == 4 else value


def _table(value: Tensor) -> Tensor:
    """`(1, inputs, features, 1)` → `(inputs, features)`."""
    return value[0, ..., 0]


LAYOUTS: tuple[tuple[re.Pattern[str], Callable[[Tensor], Tensor]], ...] = tuple(
    (re.compile(pattern), layout)
    for pattern, layout in (
        (r"(projection|pooling\.(frame|attention))\.weight", _plain),
        (r"backbone\..+\.(squeeze|excite|reduce|expand)\.weight", _plain),
        (r"backbone\.blocks\.\d+\.expand\..+", _last_group_first(0)),
        (r"backbone\.blocks\.\d+\.merge\.conv\.weight", _last_group_first(1)),
        (r"backbone\.(stem|stage_blocks\..+)\.weight", _time_first),
        (r"backbone\.mixes\.\d+\.weight", _table),
    )
)
"""What happens to the tensors whose whole name matches, one after the other."""


def laid_out(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """`tensors` in our layouts. Raises CheckpointError for a shape that no layer could have."""
    result = {}
    for name, value in tensors.items():
        try:
            for pattern, layout in LAYOUTS:
                if pattern.fullmatch(name):
                    value = layout(value)
        except (IndexError, RuntimeError):
            raise _misshapen(path, name, tensors[name]) from None
        result[name] = value
    return result


def split_context(tensors: dict[str, Tensor], path: Path) -> None:
    """In place: one layer for frame, mean and deviation becomes one for frames and one for the
    recording's context. Raises CheckpointError."""
    weight = taken(tensors, "pooling.frame.weight", path)
    if weight.ndim != 2 or weight.shape[1] % 3:
        raise _misshapen(path, "pooling.frame.weight", weight)
    width = weight.shape[1] // 3
    tensors["pooling.frame.weight"] = weight[:, :width]
    tensors["pooling.context.weight"] = weight[:, width:]


def stack_queries(tensors: dict[str, Tensor], queries: int, heads: int, path: Path) -> None:
    """In place: the attentions of all queries and heads become one grouped layer.

    Raises CheckpointError.
    """
    for layer in ("hidden", "score"):
        for kind in ("weight", "bias"):
            target = f"pooling.{layer}.{kind}"
            rows = [
                taken(tensors, f"{QUERIES}.{q}.{h}.{target}", path)
                for q in range(queries)
                for h in range(heads)
            ]
            if any(row.shape != rows[0].shape for row in rows):
                raise CheckpointError(path, f"{target!r} of several shapes", "one for all heads")
            stacked = torch.stack([_plain(row) for row in rows])
            tensors[target] = stacked.mT if kind == "weight" else stacked.unsqueeze(1)


def fold_after(tensors: dict[str, Tensor], path: Path) -> None:
    """In place: the batch norm after the embedding, with or without weights of its own, goes into
    the projection. In eval mode this changes nothing. Raises CheckpointError."""
    weight = taken(tensors, "projection.weight", path)
    bias = tensors.pop("projection.bias", torch.zeros(len(weight)))
    mean, variance = (taken(tensors, f"{AFTER}.{name}", path) for name in NORM[2:])
    gain = tensors.pop(f"{AFTER}.weight", torch.ones(len(weight)))
    offset = tensors.pop(f"{AFTER}.bias", torch.zeros(len(weight)))
    for name, value in zip(NORM, (gain, offset, mean, variance), strict=True):
        if value.shape != (len(weight),):
            raise _misshapen(path, f"{AFTER}.{name}", value)
    scale = gain.double() / (variance.double() + NORM_EPSILON).sqrt()
    tensors["projection.weight"] = (weight.double() * scale[:, None]).float()
    tensors["projection.bias"] = ((bias.double() - mean) * scale + offset).float()


def plain_norm(tensors: dict[str, Tensor], name: str) -> None:
    """In place: a batch norm without weights gets those that do nothing."""
    mean = tensors.get(f"{name}.running_mean")
    if mean is not None:
        tensors.setdefault(f"{name}.weight", torch.ones_like(mean))
        tensors.setdefault(f"{name}.bias", torch.zeros_like(mean))


def taken(tensors: dict[str, Tensor], name: str, path: Path) -> Tensor:
    """Remove and return a tensor. Raises CheckpointError where it is missing."""
    if name not in tensors:
        raise CheckpointError(path, f"no tensor {name!r}", "a checkpoint of this architecture")
    return tensors.pop(name)


def _misshapen(path: Path, name: str, value: Tensor) -> CheckpointError:
    shape = tuple(value.shape)
    return CheckpointError(path, f"{name!r} of shape {shape}", "another (another architecture?)")
