"""The tensors of a checkpoint, each taken once: what is missing, misshapen or left over is said in
one line, by the checkpoint's own names."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from joint.errors import CheckpointError

Named = dict[str, Tensor]
"""Tensors by our names."""


class Tensors:
    """Named tensors of the file at `path`."""

    def __init__(self, tensors: Mapping[str, Tensor], path: Path) -> None:
        self.path = path
        self.left = dict(tensors)

    def take(self, name: str, *shape: int) -> Tensor:
        """Remove and return a tensor. Raises CheckpointError where it is missing or misshapen."""
        value = self.look(name, *shape)
        del self.left[name]
        return value

    def look(self, name: str, *shape: int) -> Tensor:
        """As `take`, but it stays, for what takes it too."""
        if name not in self.left:
            expected = f"one of shape {shape}"
            raise CheckpointError(self.path, f"no tensor {name!r}", expected)
        value = self.left[name]
        if value.shape != shape:
            found = f"{name!r} of shape {tuple(value.shape)}"
            raise CheckpointError(self.path, found, f"{shape} (another architecture?)")
        return value

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Remove and return all tensors whose names begin with `prefix`, without it."""
        names = [name for name in self.left if name.startswith(prefix)]
        return {name.removeprefix(prefix): self.left.pop(name) for name in names}

    def constant(self, name: str, expected: Tensor) -> None:
        """Take a tensor that the architecture fixes. Raises CheckpointError for other values."""
        value = self.take(name, *expected.shape)
        if not torch.allclose(value, expected, rtol=1e-3, atol=1e-4):
            raise CheckpointError(self.path, f"other values in {name!r}", "those of 16 kHz audio")

    def linear(self, theirs: str, ours: str, outputs: int, inputs: int, conv: int = 0) -> Named:
        """A linear layer, which may be a convolution of width 1 over `conv` axes there."""
        weight = self.take(f"{theirs}.weight", outputs, inputs, *(1,) * conv)
        bias = self.take(f"{theirs}.bias", outputs)
        return {f"{ours}.weight": weight.reshape(outputs, inputs), f"{ours}.bias": bias}

    def finish(self) -> None:
        """Raises CheckpointError for tensors that nothing took."""
        if self.left:
            first, *others = self.left
            more = f" and {len(others)} more" if others else ""
            found = f"a tensor {first!r}{more} too many"
            raise CheckpointError(self.path, found, "this architecture")
