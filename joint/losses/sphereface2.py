"""SphereFace2 (Wen et al., ICLR 2022): a binary classification for every class."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.losses.cosine import CosineClassifier


class SphereFace2(CosineClassifier):
    """Binary cross-entropy of each class, with an additive margin on both sides (eq. 5) and a
    learnt bias.

    `share` is the weight of the target's class against that of all others; `steepness` is t of
    the similarity adjustment g(z) = 2·((z+1)/2)^t − 1, 1 for none. Raises ConfigError for a share
    outside (0, 1).
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
        share: float = 0.7,
        steepness: float = 3.0,
    ) -> None:
        super().__init__(
            embedding_dim, speaker_count, margin, scale, warmup_start, warmup_end, subcenters
        )
        if not 0.0 < share < 1.0:
            raise ConfigError("share", str(share), "between 0 and 1")
        self.share, self.steepness = share, steepness
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, embedding: Tensor, speaker: Tensor, progress: float = 1.0) -> Tensor:
        """See SpeakerLoss."""
        with torch.autocast(embedding.device.type, enabled=False):
            cosine = self.cosines(embedding.float()).clamp(-1.0, 1.0)
            # a power below 1 would have an infinite slope at 0
            similarity = 2.0 * ((cosine + 1.0) / 2.0).clamp(min=1e-6) ** self.steepness - 1.0
            margin = self.margin_at(progress)
            yes = F.softplus(-self.scale * (similarity - margin) - self.bias)
            no = F.softplus(self.scale * (similarity + margin) + self.bias)
            own = F.one_hot(speaker, cosine.shape[1]).bool()
            weighed = torch.where(own, self.share * yes, (1.0 - self.share) * no)
            return weighed.sum(dim=1).mean() / self.scale
