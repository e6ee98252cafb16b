"""Verification: speaker classification trains the embedding."""

from collections.abc import Callable, Iterable
from typing import ClassVar

from joint.losses.base import SpeakerLoss
from joint.metrics.pairs import pair_figures
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, EmbeddingTask, Encode


class VerificationTask(EmbeddingTask):
    """Classifies the speaker of every enrolment; at test time the embedding itself is compared.

    `criterion` is called with `embedding_dim` and `speaker_count`.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"enrollment", "enrollment_lengths", "speaker"})

    def __init__(
        self,
        embedding_dim: int,
        speaker_count: int,
        criterion: Callable[..., SpeakerLoss],
    ) -> None:
        super().__init__()
        self.criterion = criterion(embedding_dim=embedding_dim, speaker_count=speaker_count)

    @property
    def fields(self) -> frozenset[str]:
        """See Task: `validate` tells by the utterance which pairs are of one recording."""
        return self.requires | {"utterance"}

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean loss over the `B·K` enrolments of the batch."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        assert batch.speaker is not None
        embedding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT).embedding
        speaker = batch.speaker.flatten()
        loss = self.criterion(embedding, speaker, progress)
        accuracy = self.criterion.accuracy(embedding, speaker)
        return TaskOutput(loss, len(speaker), {"accuracy": accuracy})

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """See Task: `pair_figures`."""
        return pair_figures(encode, batches)
