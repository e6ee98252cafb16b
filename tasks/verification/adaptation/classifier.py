"""Classification of the domain of a recording; with gradient reversal the encoder loses it."""

import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.frames import Frames
from joint.encoders.pooling.statistics import StatisticsPooling
from joint.layers.gradient_reversal import GradientReversal
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode
from tasks.verification.adaptation.domains import DomainTask, mean_of, share_of


class DomainClassifier(DomainTask):
    """Tells source from target, from the embedding or, with `of_frames`, from the statistics of the
    encoder's frames over time.

    The parts of Chen et al., "Channel invariant speaker embedding learning with joint multi-task
    and adversarial training", ICASSP 2020, where best is to classify the channel from pooled
    statistics (`of_frames`, no `reversal`) and against it from the embedding (with one); beside a
    verification task on the source domain.
    """

    def __init__(
        self,
        embedding_dim: int,
        frame_dim: int,
        of_frames: bool = False,
        hidden: int = 128,
        reversal: GradientReversal | None = None,
    ) -> None:
        super().__init__()
        self.reversal = reversal
        self.pooling = StatisticsPooling(frame_dim) if of_frames else None
        read = embedding_dim if self.pooling is None else self.pooling.output_dim
        self.classifier = nn.Sequential(
            nn.Linear(read, hidden), nn.ReLU(), nn.BatchNorm1d(hidden), nn.Linear(hidden, 1)
        )

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean cross-entropy over the `B·K` enrolments."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        read = self._read(encode, batch)
        if self.reversal is not None:
            read = self.reversal(read, progress)
        logits = self.classifier(read).squeeze(1).float()
        target = self.of_target(batch).repeat_interleave(batch.enrollment.shape[1])
        losses = F.binary_cross_entropy_with_logits(logits, target.float(), reduction="none")
        return TaskOutput(*mean_of(losses), {"accuracy": share_of((logits > 0.0) == target)})

    def _read(self, encode: Encode, batch: SceneBatch) -> Tensor:
        """What is classified, `(B·K, D)`."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        if self.pooling is None:
            return encoding.embedding
        features, mask = encoding.need_frames("the domain classifier")
        pooled: Tensor = self.pooling(Frames(features.transpose(1, 2), mask))
        return pooled
