"""Task: the contract between the model and everything that trains on the shared encoder."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from joint.data.corpus import Corpus
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding, TaskOutput
from joint.scene import SceneBatch

ENROLLMENT = "enrollment"
"""Role of recordings of one person alone."""
MIXTURE = "mixture"
"""Role of the recording that a task works on."""
WINDOWS = "windows"
"""Role of short pieces of a mixture that are compared with an enrolment."""
AUXILIARY = frozenset({WINDOWS})
"""Roles that never train the encoder: it is in eval mode, without gradient, under any switch."""


class Encode(Protocol):
    """The shared encoder under one task's switch, memoised within a step."""

    def __call__(self, audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        """Encode recordings; K recordings a scene are encoded as `B·K`.

        Args:
            audio: `(B, S)` or `(B, K, S)` in [-1, 1].
            lengths: `(B,)` or `(B, K)` in Samples.
            role: names what is encoded, such as ENROLLMENT. Random streams are keyed by it, so that
                what one task encodes changes nothing in another task.
        """


@dataclass(frozen=True)
class Enrollment:
    """How one person is made known at inference: by recordings or by an embedding kept from before.

    Args:
        recordings: each `(S,)` at 16 kHz in [-1, 1]; several are encoded end to end as one.
        embedding: `(E,)`, of the same encoder.

    Raises ConfigError unless exactly one of the two is given.
    """

    recordings: tuple[Tensor, ...] = ()
    embedding: Tensor | None = None

    def __post_init__(self) -> None:
        if bool(self.recordings) == (self.embedding is not None):
            found = "both" if self.recordings else "neither"
            raise ConfigError("enrolment", found, "recordings or a kept embedding")

    @classmethod
    def of(cls, *recordings: Tensor | np.ndarray) -> "Enrollment":
        """An enrolment by recordings `(S,)` of one person."""
        return cls(recordings=tuple(torch.as_tensor(r) for r in recordings))

    @classmethod
    def kept(cls, embedding: Tensor | np.ndarray) -> "Enrollment":
        """An enrolment by an embedding `(E,)` kept from before."""
        return cls(embedding=torch.as_tensor(embedding))

    def to(self, device: torch.device | str) -> "Enrollment":
        """The same enrolment with its tensors on `device`."""
        embedding = None if self.embedding is None else self.embedding.to(device)
        return Enrollment(tuple(r.to(device) for r in self.recordings), embedding)


def encode_recording(encode: Encode, recording: Tensor, role: str = ENROLLMENT) -> SpeakerEncoding:
    """The encoding, of one row, of one `recording (S,)`."""
    lengths = torch.tensor([len(recording)], device=recording.device)
    return encode(recording[None], lengths, role)


def encode_enrollments(encode: Encode, enrollments: Sequence[Enrollment]) -> SpeakerEncoding:
    """One row for each enrolled person, in order.

    Where somebody is known by a kept embedding, the encoding has embeddings alone, of everybody.
    """
    recorded = [e for e in enrollments if e.embedding is None]
    encoding = None
    if recorded:
        whole = [torch.cat(e.recordings) for e in recorded]
        lengths = torch.tensor([len(w) for w in whole], device=whole[0].device)
        padded = torch.nn.utils.rnn.pad_sequence(whole, batch_first=True)
        encoding = encode(padded, lengths, ENROLLMENT)
        if len(recorded) == len(enrollments):
            return encoding
    rows = iter(() if encoding is None else encoding.embedding)
    return SpeakerEncoding(
        torch.stack([next(rows) if e.embedding is None else e.embedding for e in enrollments])
    )


class Task(nn.Module, ABC):
    """What one task adds to the shared encoder: a loss, figures on held-out scenes, inference.

    A constructor may ask for `embedding_dim`, `frame_dim`, `layer_dim` (called with the name of a
    layer), `encoder_copy` (called for a copy of the encoder that is the task's own, such as a
    momentum encoder), and the fields of `joint.training.building.model.Classes`: `speaker_count`,
    `phones`, `phrases`; `joint.training.building.model` supplies them. No task builds or loads an
    encoder.
    """

    requires: ClassVar[frozenset[str]]
    """Names of the `SceneBatch` fields that `loss` reads; checked before the first step."""
    layers: frozenset[str] = frozenset()
    """Names of the encoder's intermediate layers that the task reads, besides those that its
    conditionings read."""

    @property
    def fields(self) -> frozenset[str]:
        """Names of the `SceneBatch` fields that are rendered for the task: `requires`, and what it
        reads besides, in validation or where a corpus has it."""
        return self.requires

    def locate(self, find: Callable[[str], Path]) -> None:
        """Find the files that a training of the task reads besides the corpus, before `setup` and
        before waveforms are packed: `find` gives those of other checkpoints, and takes what
        `init_parts` takes. Raises CheckpointError or DataError where there is none."""
        return None

    def setup(self, corpus: Corpus) -> None:
        """Prepare for a corpus, once on every process, before a training's first step.

        Here a task takes from the corpus what no gradient teaches, such as an inventory of word
        pieces, unless a checkpoint, whose weights are already loaded, has brought it.

        Raises ConfigError or DataError for a corpus that the task cannot train on.
        """

    def before_step(self, encoder: nn.Module, progress: float) -> None:
        """Look at the shared encoder before a step of the optimizer, such as to let a moving
        average of it follow; `progress` is 0 before the first step of a training, and only then.
        """
        return None

    @abstractmethod
    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Loss on one batch; `progress` runs from 0 to 1 over the training."""

    @abstractmethod
    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> Any:
        """The task's result on one `recording (S,)`; each task says in its docstring what it is.

        `enrollments` are the people that a task which depends on a speaker is asked for; other
        tasks ignore them.
        """

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """Figures on held-out scenes, logged beside the losses; none unless a task has some."""
        return {}

    def examples(self, encode: Encode, batch: SceneBatch, count: int) -> dict[str, Tensor]:
        """Waveforms `(S,)` of the first `count` scenes of a held-out batch, by names such as
        `0/estimate`, to follow a training by ear; none unless a task has some."""
        return {}

    def critic_loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput | None:
        """Loss of the critic that trains against this task, such as a GAN's discriminator.

        It is called after `loss` on the same batch and trains `critic_parameters` alone, with an
        optimizer of their own; `encode` gives constants. None for a task without a critic.
        """
        return None

    def critic_parameters(self) -> Iterable[nn.Parameter]:
        """Parameters that `critic_loss` trains and `loss` does not."""
        return ()


class EmbeddingTask(Task):
    """A task of the encoder alone: what it infers of a recording is the embedding."""

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> Tensor:
        """See Task: the embedding `(E,)` of the recording."""
        return encode_recording(encode, recording).embedding[0]
