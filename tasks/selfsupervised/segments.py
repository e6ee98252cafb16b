"""What all training without labels has in common: several segments of one utterance."""

from abc import ABC
from collections.abc import Iterable, Sequence
from typing import ClassVar

from torch import Tensor

from joint.errors import ConfigError
from joint.metrics.pairs import pair_figures
from joint.scene import SceneBatch
from joint.task import Encode, Enrollment, Task, encode_recording


class SegmentTask(Task, ABC):
    """Learns from scenes whose enrolments are segments of one utterance, each with noise, room and
    channel of its own (`scenes.segments`); no speaker is read but in validation."""

    requires: ClassVar[frozenset[str]] = frozenset({"enrollment", "enrollment_lengths"})

    @property
    def fields(self) -> frozenset[str]:
        """See Task: `validate` reads who speaks in which utterance."""
        return self.requires | {"speaker", "utterance"}

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> Tensor:
        """See Task: the embedding `(E,)` of the recording."""
        return encode_recording(encode, recording).embedding[0]

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
