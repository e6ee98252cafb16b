"""Cross-entropy on a linear layer."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.losses.base import SpeakerLoss


class Softmax(SpeakerLoss):
    """Classes as a linear layer with a bias: no margin, and the embedding's length counts."""

    def __init__(self, embedding_dim: int, speaker_count: int) -> None:
        super().__init__()
        self.classes = nn.Linear(embedding_dim, speaker_count)

    def forward(self, embedding: Tensor, speaker: Tensor, progress: float = 1.0) -> Tensor:
        """See SpeakerLoss."""
        return F.cross_entropy(self.logits(embedding, speaker, progress), speaker)

    def logits(self, embedding: Tensor, speaker: Tensor, progress: float = 1.0) -> Tensor:
        """See SpeakerLoss."""
        with torch.autocast(embedding.device.type, enabled=False):
            found: Tensor = self.classes(embedding.float())
        return found

    def guess(self, embedding: Tensor, speaker: Tensor) -> Tensor:
        """See SpeakerLoss."""
        logits: Tensor = self.classes(embedding)
        return logits.argmax(dim=1)
