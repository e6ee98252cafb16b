"""What all training without labels has in common: several segments of one utterance."""

from abc import ABC
from collections.abc import Iterable
from typing import ClassVar

from torch import Tensor

from joint.errors import ConfigError
from joint.metrics.pairs import pair_figures
from joint.scene import SceneBatch
from joint.task import EmbeddingTask, Encode


class SegmentTask(EmbeddingTask, ABC):
    """Learns from scenes whose enrolments are segments of one utterance, each with noise, room and
    channel of its own (`scenes.segments`); no speaker is read but in validation."""

    requires: ClassVar[frozenset[str]] = frozenset({"enrollment", "enrollment_lengths"})

    @property
    def fields(self) -> frozenset[str]:
        """See Task: `validate` reads who speaks in which utterance."""
        return self.requires | {"speaker", "utterance"}

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """See Task: EER of all pairs of held-out enrolments, cosine scores."""
        return pair_figures(encode, batches)


def segments_of(batch: SceneBatch, least: int) -> tuple[Tensor, Tensor]:
    """`enrollment (B, K, S)` and its lengths `(B, K)`. Raises ConfigError for fewer than `least`
    segments of an utterance."""
    assert batch.enrollment is not None and batch.enrollment_lengths is not None
    if (count := batch.enrollment.shape[1]) < least:
        raise ConfigError("scenes.segments", str(count), f"{least} or more of each utterance")
    return batch.enrollment, batch.enrollment_lengths
