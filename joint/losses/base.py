"""The contract of all speaker losses."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from joint.errors import ConfigError


class SpeakerLoss(nn.Module, ABC):
    """A loss on embeddings and their speakers; built with `embedding_dim` and `speaker_count`."""

    @abstractmethod
    def forward(self, embedding: Tensor, speaker: Tensor, progress: float = 1.0) -> Tensor:
        """Mean loss of `embedding (B, E)` of classes `speaker (B,)`, in float32, when a share
        `progress` of the training is done."""

    @abstractmethod
    def guess(self, embedding: Tensor, speaker: Tensor) -> Tensor:
        """The class that each of `embedding (B, E)` is nearest to, `(B,)`; losses without classes
        choose among the speakers of the batch."""

    def logits(self, embedding: Tensor, speaker: Tensor, progress: float = 1.0) -> Tensor:
        """The scores `(B, classes)`, in float32, whose cross-entropy with `speaker` is the loss.

        Raises ConfigError for a loss that is no cross-entropy over classes.
        """
        expected = "a cross-entropy over classes, such as AamSoftmax or Softmax"
        raise ConfigError("criterion", type(self).__name__, expected)

    def accuracy(self, embedding: Tensor, speaker: Tensor) -> Tensor:
        """Share of the batch whose guess is right."""
        with torch.no_grad(), torch.autocast(embedding.device.type, enabled=False):
            return (self.guess(embedding.float(), speaker) == speaker).float().mean()
