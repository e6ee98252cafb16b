"""Centre loss (Wen et al., ECCV 2016), beside a loss that keeps classes apart."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from joint.losses.base import SpeakerLoss


class CenterLoss(SpeakerLoss):
    """Half the squared distance of every embedding to its class's centre (eq. 2), `weight` times,
    on top of `criterion`. The centres are learnt with everything else.
    """

    def __init__(
        self,
        embedding_dim: int,
        speaker_count: int,
        criterion: Callable[..., SpeakerLoss],
        weight: float = 0.01,
    ) -> None:
        super().__init__()
        self.criterion = criterion(embedding_dim=embedding_dim, speaker_count=speaker_count)
        self.weight = weight
        self.centers = nn.Parameter(torch.zeros(speaker_count, embedding_dim))

    def forward(self, embedding: Tensor, speaker: Tensor, progress: float = 1.0) -> Tensor:
        """See SpeakerLoss."""
        apart: Tensor = self.criterion(embedding, speaker, progress)
        with torch.autocast(embedding.device.type, enabled=False):
            away = embedding.float() - self.centers[speaker]
            return apart + self.weight * 0.5 * away.square().sum(dim=1).mean()

    def guess(self, embedding: Tensor, speaker: Tensor) -> Tensor:
        """See SpeakerLoss."""
        return self.criterion.guess(embedding, speaker)
