"""Additive angular margin softmax (Deng et al., CVPR 2019, eq. 3)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class AamSoftmax(nn.Module):
    """Cross-entropy on scaled cosines, the target's angle enlarged by a margin.

    The margin rises linearly from 0 to `margin` while progress runs from `warmup_start` to
    `warmup_end` (shares of the training), since a full margin on an untrained encoder diverges.
    """

    def __init__(
        self,
        embedding_dim: int,
        speaker_count: int,
        margin: float = 0.2,
        scale: float = 32.0,
        warmup_start: float = 0.1,
        warmup_end: float = 0.4,
        subcenters: int = 1,
    ) -> None:
        super().__init__()
        self.margin, self.scale = margin, scale
        self.warmup_start, self.warmup_end = warmup_start, warmup_end
        self.subcenters = subcenters
        self.weight = nn.Parameter(torch.empty(speaker_count * subcenters, embedding_dim))
        nn.init.xavier_normal_(self.weight)

    def margin_at(self, progress: float) -> float:
        """The margin in radians when a share `progress` of the training is done."""
        span = max(self.warmup_end - self.warmup_start, 1e-8)
        return self.margin * min(max((progress - self.warmup_start) / span, 0.0), 1.0)

    def cosines(self, embedding: Tensor) -> Tensor:
        """`(B, E)` → `(B, classes)`; of several sub-centres the nearest counts (Deng et al., ECCV
        2020)."""
        cosine = F.linear(F.normalize(embedding), F.normalize(self.weight))
        if self.subcenters == 1:
            return cosine
        return cosine.view(len(embedding), -1, self.subcenters).amax(dim=-1)

    def forward(self, embedding: Tensor, speaker: Tensor, progress: float = 1.0) -> Tensor:
        """Mean loss of `embedding (B, E)` against classes `speaker (B,)`, in float32."""
        with torch.autocast(embedding.device.type, enabled=False):
            cosine = self.cosines(embedding.float())
            margin = self.margin_at(progress)
            target = cosine.gather(1, speaker.unsqueeze(1))
            # the derivative of the sine is infinite at ±1: the floor keeps it finite
            sine = (1.0 - target * target).clamp(min=1e-6).sqrt()
            shifted = target * math.cos(margin) - sine * math.sin(margin)
            # beyond π − margin the angle would wrap: go on along a line
            beyond = target - math.sin(math.pi - margin) * margin
            shifted = torch.where(target > math.cos(math.pi - margin), shifted, beyond)
            logits = cosine.scatter(1, speaker.unsqueeze(1), shifted)
            return F.cross_entropy(self.scale * logits, speaker)
