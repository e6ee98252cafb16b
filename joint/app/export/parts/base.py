"""Part: what is exported of a checkpoint, with its inputs and outputs by name."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from joint.units import SAMPLE_RATE, Samples

Axes = tuple[str | int, ...]
"""The dimensions of an input or output: a name where the length is free."""

SHORT: Samples = SAMPLE_RATE // 2
"""Of the shortest recordings that an export is checked with."""


class Part(nn.Module, ABC):
    """A network from the tensors called `inputs` to those called `outputs`, in this order."""

    kind: ClassVar[str]
    name: str
    """Of the file, without its ending: the kind, with a task's name where there are several."""
    inputs: Mapping[str, Axes]
    outputs: Mapping[str, Axes]
    measure: ClassVar[str]
    """What `agreement` is, with its unit."""
    least: ClassVar[float]
    """The least `agreement` of an export with the network itself."""

    def __init__(self) -> None:
        super().__init__()
        self.name = self.kind

    @property
    def metadata(self) -> dict[str, Any]:
        """What a file of this part says besides what every file does."""
        return {}

    @abstractmethod
    def examples(self, speech: Sequence[Tensor]) -> list[tuple[Tensor, ...]]:
        """Inputs made of several recordings `(S,)` of different people; the graph is recorded with
        the first of them, of two rows or more where the batch is free."""

    @abstractmethod
    def agreement(self, found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
        """How well the outputs `found` agree with those `expected`; see `measure`."""


def padded(recordings: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Recordings `(S,)` as a batch `(B, S)` with `lengths (B,)`."""
    lengths = torch.tensor([len(recording) for recording in recordings])
    return nn.utils.rnn.pad_sequence(list(recordings), batch_first=True), lengths


def signal_to_difference_db(found: Tensor, expected: Tensor) -> float:
    """The power of waveforms `(B, S)` over that of their difference to the `expected`, in dB, of
    the worst row; a wrong level counts as a difference too. 200 where they are equal."""
    found, expected = found.double(), expected.double()
    power = expected.square().sum(dim=1).clamp(min=1e-20)
    difference = (found - expected).square().sum(dim=1)
    return float(10.0 * torch.log10(power / difference.clamp(min=1e-20 * power)).min())
