"""Cross-entropy on scaled cosines, the target's made smaller by a margin and, where asked, those of
other speakers made larger."""

import math
from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.errors import ConfigError
from joint.losses.cosine import CosineClassifier, turned


class MarginSoftmax(CosineClassifier):
    """What the margin losses share; see CosineClassifier for margin, warm-up and sub-centres.

    `negative_margin` brings other speakers nearer by that angle: all of them (dual margins), or
    the `nearest` that many (inter-top-k: Zhao et al., SpeakIn's system for VoxSRC 2021). It
    rises with the margin.
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
        negative_margin: float = 0.0,
        nearest: int = 0,
    ) -> None:
        super().__init__(
            embedding_dim, speaker_count, margin, scale, warmup_start, warmup_end, subcenters
        )
        if not 0 <= nearest < speaker_count:
            raise ConfigError("nearest", str(nearest), f"0 (all) to {speaker_count - 1}")
        self.negative_margin, self.nearest = negative_margin, nearest

    @abstractmethod
    def shifted(self, target: Tensor, margin: float) -> Tensor:
        """The target's cosines `(B, 1)` under the margin."""

    def forward(self, embedding: Tensor, speaker: Tensor, progress: float = 1.0) -> Tensor:
        """See SpeakerLoss."""
        return F.cross_entropy(self.logits(embedding, speaker, progress), speaker)

    def logits(self, embedding: Tensor, speaker: Tensor, progress: float = 1.0) -> Tensor:
        """See SpeakerLoss."""
        with torch.autocast(embedding.device.type, enabled=False):
            cosine, index = self.cosines(embedding.float()), speaker.unsqueeze(1)
            others = self.nearer(cosine, index, self.risen(progress) * self.negative_margin)
            target = self.shifted(cosine.gather(1, index), self.margin_at(progress))
            return self.scale * others.scatter(1, index, target)

    def nearer(self, cosine: Tensor, index: Tensor, angle: float) -> Tensor:
        """`cosine (B, classes)` with the other speakers nearer by `angle`."""
        if angle == 0.0:
            return cosine
        edge = math.cos(angle)
        # nearer than the angle already: go on along a line
        closer = torch.where(cosine > edge, cosine + 1.0 - edge, turned(cosine, -angle))
        if self.nearest == 0:
            return closer
        without = cosine.detach().scatter(1, index, -2.0)
        chosen = without.topk(self.nearest, dim=1).indices
        return cosine.scatter(1, chosen, closer.gather(1, chosen))


class NormalizedSoftmax(MarginSoftmax):
    """No margin: scaled cosines alone (Wang et al., ACM MM 2017)."""

    def __init__(
        self, embedding_dim: int, speaker_count: int, scale: float = 32.0, subcenters: int = 1
    ) -> None:
        super().__init__(embedding_dim, speaker_count, 0.0, scale, subcenters=subcenters)

    def shifted(self, target: Tensor, margin: float) -> Tensor:
        """See MarginSoftmax."""
        return target


class AmSoftmax(MarginSoftmax):
    """Additive margin on the cosine, CosFace (Wang et al., CVPR 2018, eq. 4)."""

    def shifted(self, target: Tensor, margin: float) -> Tensor:
        """See MarginSoftmax."""
        return target - margin


class AamSoftmax(MarginSoftmax):
    """Additive angular margin, ArcFace (Deng et al., CVPR 2019, eq. 3), in radians."""

    def shifted(self, target: Tensor, margin: float) -> Tensor:
        """See MarginSoftmax."""
        # beyond π − margin the angle would wrap: go on along a line
        beyond = target - math.sin(math.pi - margin) * margin
        return torch.where(target > math.cos(math.pi - margin), turned(target, margin), beyond)


class SphereFace(MarginSoftmax):
    """Multiplicative angular margin (Liu et al., CVPR 2017, eq. 7): the angle counts `1 + margin`
    times; beyond π the curve is continued so that it keeps falling."""

    def shifted(self, target: Tensor, margin: float) -> Tensor:
        """See MarginSoftmax."""
        times = 1.0 + margin
        # the derivative of the arc cosine is infinite at ±1
        angle = times * torch.acos(target.clamp(-1 + 1e-6, 1 - 1e-6))
        piece = torch.floor(angle.detach() / math.pi)
        return (1.0 - 2.0 * (piece % 2)) * torch.cos(angle) - 2.0 * piece
