"""Distillation with the teacher beside the student: both get the same audio."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from joint.data.corpus import Corpus
from joint.encoders.encoder import SpeakerEncoder
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding, TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, EmbeddingTask, Encode
from joint.training.building.model import load_model
from tasks.distillation.space import Space
from tasks.distillation.task import distance


class OnlineDistillationTask(EmbeddingTask):
    """The loss of DistillationTask against what the teacher makes of the very same enrolment: the
    same stretch, at whatever speed, with the same noise and distortions.

    So no target can be memorised, and there are as many of them as scenes (Beyer et al.,
    "Knowledge distillation: a good teacher is patient and consistent", CVPR 2022). The teacher is
    no part of the model: it is neither trained nor saved.

    Args:
        teacher: A checkpoint, such as `joint import` makes of another toolkit's, named as in
            `init_parts`; checkpoints that only infer do not read it.
        space: A file of `python -m recipes.distillation.space`, in whose space the targets are;
            None: the teacher's own.
        relation_weight: See DistillationTask.

    Raises ConfigError for a negative weight.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"enrollment", "enrollment_lengths"})

    def __init__(
        self,
        embedding_dim: int,
        teacher: str,
        space: str | None = None,
        relation_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if relation_weight < 0:
            raise ConfigError("relation_weight", str(relation_weight), "0 or more")
        self.embedding_dim, self.path, self.space_path = embedding_dim, teacher, space
        self.file, self.relation_weight = Path(teacher), relation_weight
        self.space: Space | None = None
        self._teacher: tuple[SpeakerEncoder, ...] = ()  # not a module of this one

    def locate(self, find: Callable[[str], Path]) -> None:
        """See Task; the space is read too. Raises DataError for one that is none."""
        self.file = find(self.path)
        if self.space_path is not None:
            Space.load(self.space_path)

    def setup(self, corpus: Corpus) -> None:
        """Load the teacher. Raises CheckpointError, DataError, and ConfigError where its embeddings
        have another dimension."""
        model, _ = load_model(self.file, tasks=())
        teacher = model.encoder.requires_grad_(False).eval()
        if (found := teacher.embedding_dim) != self.embedding_dim:
            expected = f"{found}, as {self.path} has it"
            raise ConfigError("encoder.embedding_dim", str(self.embedding_dim), expected)
        self._teacher = (teacher,)
        if self.space_path is not None:
            self.space = Space.load(self.space_path)

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over the `B·K` enrolments of the batch."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        embedding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT).embedding
        return distance(embedding, self.target(batch), self.relation_weight)

    def target(self, batch: SceneBatch) -> Tensor:
        """What the teacher makes of the enrolments, `(B·K, E)`, of unit length."""
        return self.in_space(self.taught(batch).embedding)

    def taught(self, batch: SceneBatch) -> SpeakerEncoding:
        """The teacher's encoding of the enrolments, as `B·K`, with the task's `layers`."""
        assert self._teacher, "loss before setup"
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        audio, lengths = batch.enrollment.flatten(0, 1), batch.enrollment_lengths.flatten()
        with torch.no_grad():
            encoding: SpeakerEncoding = self._teacher[0].to(audio.device)(
                audio, lengths, layers=tuple(sorted(self.layers))
            )
        return encoding

    def in_space(self, embedding: Tensor) -> Tensor:
        """A teacher's embeddings `(B, E)` as targets, of unit length."""
        found = embedding.float()
        return torch.nn.functional.normalize(found) if self.space is None else self.space(found)
