"""Task: what a task owes the model."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Protocol

from torch import Tensor, nn

from joint.data.corpus import Corpus
from joint.outputs import SpeakerEncoding, TaskOutput
from joint.scene import SceneBatch


class Encode(Protocol):
    """The shared encoder as one task sees it: under that task's switch, memoised within a step."""

    def __call__(self, audio: Tensor, lengths: Tensor) -> SpeakerEncoding:
        """`audio (B, S)` or `(B, K, S)` in [-1, 1], `lengths (B,)` or `(B, K)` in Samples; K
        recordings a scene are encoded as `B·K`."""


class Task(nn.Module, ABC):
    """A head: reads a batch through the encoder and gives a loss; at test time it infers.

    A constructor may ask for `embedding_dim`, `frame_dim`, `layer_dim` (called with the name of a
    layer), and the fields of `joint.training.building.Classes`: `speaker_count`, `phones`,
    `phrases`; `joint.training.building` supplies them. No task builds or loads an encoder.
    """

    requires: ClassVar[frozenset[str]]
    """Names of the `SceneBatch` fields that `loss` reads; checked before the first step."""
    layers: frozenset[str] = frozenset()
    """Names of the encoder's intermediate layers that it reads."""

    def begin(self, corpus: Corpus) -> None:
        """Once, on every process, before a training's first step: learn of the training's corpus
        what no gradient teaches, unless a checkpoint, whose weights are in place, has brought it.

        Raises ConfigError or DataError for a corpus that does not do.
        """

    @abstractmethod
    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Loss on one batch; `progress` runs from 0 to 1 over the training."""

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """Figures on held-out scenes, logged beside the losses; none unless a task has some."""
        return {}
