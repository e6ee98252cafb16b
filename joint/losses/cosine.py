"""Cosines of embeddings and classes, which all margin losses start from."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.losses.base import SpeakerLoss


class CosineClassifier(SpeakerLoss):
    """A direction for each class, or several (sub-centres: Deng et al., ECCV 2020), and a margin
    that rises linearly from 0 to `margin` while progress runs from `warmup_start` to `warmup_end`
    (shares of the training), since a full margin on an untrained encoder diverges.

    Raises ConfigError for less than one sub-centre.
    """

    def __init__(
        self,
        embedding_dim: int,
        speaker_count: int,
        margin: float,
        scale: float = 32.0,
        warmup_start: float = 0.1,
        warmup_end: float = 0.4,
        subcenters: int = 1,
    ) -> None:
        super().__init__()
        if subcenters < 1:
            raise ConfigError("subcenters", str(subcenters), "1 or more")
        self.margin, self.scale = margin, scale
        self.warmup_start, self.warmup_end = warmup_start, warmup_end
        self.subcenters = subcenters
        self.weight = nn.Parameter(torch.empty(speaker_count * subcenters, embedding_dim))
        nn.init.xavier_normal_(self.weight)

    def risen(self, progress: float) -> float:
        """The share of its margin that the loss has when a share `progress` is done."""
        span = max(self.warmup_end - self.warmup_start, 1e-8)
        return min(max((progress - self.warmup_start) / span, 0.0), 1.0)

    def margin_at(self, progress: float) -> float:
        """The margin when a share `progress` of the training is done."""
        return self.margin * self.risen(progress)

    def cosines(self, embedding: Tensor) -> Tensor:
        """`(B, E)` → `(B, classes)`; of several sub-centres the nearest counts."""
        cosine = F.linear(F.normalize(embedding), F.normalize(self.weight))
        if self.subcenters == 1:
            return cosine
        return cosine.view(len(embedding), -1, self.subcenters).amax(dim=-1)

    def guess(self, embedding: Tensor, speaker: Tensor) -> Tensor:
        """See SpeakerLoss."""
        return self.cosines(embedding).argmax(dim=1)


def turned(cosine: Tensor, angle: float) -> Tensor:
    """cos(θ + `angle`) for cos θ. Its slope is finite also where θ is 0 or π."""
    # the derivative of the sine is infinite at ±1: the floor keeps it finite
    sine = (1.0 - cosine * cosine).clamp(min=1e-6).sqrt()
    return cosine * math.cos(angle) - sine * math.sin(angle)
