"""Classification of a recording's conditions from the embedding; with gradient reversal the
embedding loses them.

After Chen et al., "Channel invariant speaker embedding learning with joint multi-task and
adversarial training", ICASSP 2020, with the kind of augmentation in the channel's place.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.layers.gradient_reversal import GradientReversal
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode, Enrollment, Task, encode_recording

KINDS = 8
"""Noise, room and channel, each or not."""


class RecordingConditions(Task):
    """Classifies which of noise, room and channel an enrolment went through."""

    requires: ClassVar[frozenset[str]] = frozenset(
        {"enrollment", "enrollment_lengths", "augmentation"}
    )

    def __init__(
        self, embedding_dim: int, hidden: int = 128, reversal: GradientReversal | None = None
    ) -> None:
        super().__init__()
        self.reversal = reversal
        self.classifier = nn.Sequential(
            nn.Linear(embedding_dim, hidden),
            nn.ReLU(),
            nn.BatchNorm1d(hidden),
            nn.Linear(hidden, KINDS),
        )

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean cross-entropy over the `B·K` enrolments."""
        logits, kinds = self._read(encode, batch, progress)
        right = (logits.argmax(dim=-1) == kinds).float().mean()
        return TaskOutput(F.cross_entropy(logits, kinds), len(kinds), {"accuracy": right})

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> Tensor:
        """See Task: log-probabilities `(8,)` of the kinds, 1 noise + 2 room + 4 channel."""
        embedding = encode_recording(encode, recording).embedding
        found: Tensor = self.classifier(embedding).float().log_softmax(dim=-1)[0]
        return found

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """Share of enrolments whose conditions are found, and that of the most frequent ones."""
        found = [self._read(encode, batch, 1.0) for batch in batches]
        kinds = torch.cat([kinds for _, kinds in found])
        right = torch.cat([logits.argmax(dim=-1) for logits, _ in found]) == kinds
        majority = torch.bincount(kinds, minlength=KINDS).max() / len(kinds)
        return {"accuracy": float(right.float().mean()), "majority": float(majority)}

    def _read(self, encode: Encode, batch: SceneBatch, progress: float) -> tuple[Tensor, Tensor]:
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        assert batch.augmentation is not None
        embedding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT).embedding
        if self.reversal is not None:
            embedding = self.reversal(embedding, progress)
        return self.classifier(embedding).float(), batch.augmentation.flatten()
