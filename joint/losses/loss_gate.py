"""Loss-gated learning: labels that may be wrong count where the network believes them."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.errors import ConfigError
from joint.losses.base import SpeakerLoss


class LossGate(SpeakerLoss):
    """The mean loss of those embeddings whose own loss is below `threshold`, in nats; of all until
    a share `start` of the training is done (Tao et al., "Self-supervised speaker recognition with
    loss-gated learning", ICASSP 2022).

    `criterion` is a cross-entropy over classes. Raises ConfigError for another one.
    """

    def __init__(
        self,
        embedding_dim: int,
        speaker_count: int,
        criterion: Callable[..., SpeakerLoss],
        threshold: float = 3.0,
        start: float = 0.3,
    ) -> None:
        super().__init__()
        if threshold <= 0:
            raise ConfigError("threshold", f"{threshold:g}", "more than 0")
        if not 0.0 <= start <= 1.0:
            raise ConfigError("start", f"{start:g}", "0 to 1")
        self.criterion = criterion(embedding_dim=embedding_dim, speaker_count=speaker_count)
        with torch.no_grad():  # refuses a criterion that has none
            self.criterion.logits(torch.zeros(1, embedding_dim), torch.zeros(1, dtype=torch.int64))
        self.threshold, self.start = threshold, start

    def forward(self, embedding: Tensor, speaker: Tensor, progress: float = 1.0) -> Tensor:
        """See SpeakerLoss; 0 where no loss is below the gate."""
        logits = self.criterion.logits(embedding, speaker, progress)
        losses = F.cross_entropy(logits, speaker, reduction="none")
        if progress < self.start:
            return losses.mean()
        passed = (losses.detach() < self.threshold).to(losses.dtype)
        return (losses * passed).sum() / passed.sum().clamp(min=1.0)

    def guess(self, embedding: Tensor, speaker: Tensor) -> Tensor:
        """See SpeakerLoss."""
        return self.criterion.guess(embedding, speaker)
