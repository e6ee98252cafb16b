"""Losses that compare the recordings of a batch with each other; they know no classes.

A batch holds several recordings of each of its speakers (`utterances_per_speaker` of the scenes).
"""

from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.errors import DataError
from joint.losses.base import SpeakerLoss


def grouped(embedding: Tensor, speaker: Tensor) -> Tensor:
    """`(B, E)` → `(P, Q, E)`, the first Q recordings of each of P speakers in the order of the
    batch; Q is what the one with the fewest has.

    Raises DataError for one speaker alone or a speaker with one recording.
    """
    _, index, counts = torch.unique(speaker, return_inverse=True, return_counts=True)
    each = int(counts.min())
    if len(counts) < 2 or each < 2:
        found = f"{len(counts)} speakers, one with {each} recordings"
        raise DataError("batch", found, "two speakers or more with two recordings or more")
    rows = index.argsort(stable=True).split(counts.tolist())
    return torch.stack([embedding[own[:each]] for own in rows])


class MetricLoss(SpeakerLoss):
    """What the losses without classes share."""

    def __init__(self, embedding_dim: int, speaker_count: int) -> None:
        super().__init__()

    def forward(self, embedding: Tensor, speaker: Tensor, progress: float = 1.0) -> Tensor:
        """See SpeakerLoss; raises DataError as `grouped` does."""
        with torch.autocast(embedding.device.type, enabled=False):
            return self.compare(grouped(embedding.float(), speaker))

    @abstractmethod
    def compare(self, embedding: Tensor) -> Tensor:
        """The loss of `embedding (P, Q, E)`."""

    def guess(self, embedding: Tensor, speaker: Tensor) -> Tensor:
        """The speaker of the nearest other recording of the batch."""
        unit = F.normalize(embedding)
        likeness = (unit @ unit.T).fill_diagonal_(-2.0)
        return speaker[likeness.argmax(dim=1)]


class Prototypical(MetricLoss):
    """Each speaker's last recording against the mean of the others, by squared distance (Snell et
    al., NeurIPS 2017; Chung et al., Interspeech 2020, eq. 6)."""

    def compare(self, embedding: Tensor) -> Tensor:
        """See MetricLoss."""
        query, prototype = embedding[:, -1], embedding[:, :-1].mean(dim=1)
        logits = -torch.cdist(query, prototype).square()
        return F.cross_entropy(logits, torch.arange(len(query), device=query.device))


class ScaledCosine(MetricLoss):
    """Cosines with a learnt scale, kept positive, and a learnt bias."""

    def __init__(
        self, embedding_dim: int, speaker_count: int, scale: float = 10.0, bias: float = -5.0
    ) -> None:
        super().__init__(embedding_dim, speaker_count)
        self.scale = nn.Parameter(torch.tensor(scale))
        self.bias = nn.Parameter(torch.tensor(bias))

    def likeness(self, cosine: Tensor) -> Tensor:
        """Scaled and shifted."""
        return self.scale.clamp(min=1e-6) * cosine + self.bias


class AngularPrototypical(ScaledCosine):
    """Each speaker's last recording against the mean of the others, by scaled cosine (Chung et al.,
    Interspeech 2020, eq. 7)."""

    def compare(self, embedding: Tensor) -> Tensor:
        """See MetricLoss."""
        query, prototype = embedding[:, -1], embedding[:, :-1].mean(dim=1)
        logits = self.likeness(F.normalize(query) @ F.normalize(prototype).T)
        return F.cross_entropy(logits, torch.arange(len(query), device=query.device))


class Ge2e(ScaledCosine):
    """Every recording against every speaker's centroid, its own without itself (Wan et al., ICASSP
    2018, eq. 5, 6, 8 and 9)."""

    def compare(self, embedding: Tensor) -> Tensor:
        """See MetricLoss."""
        speakers, each, _ = embedding.shape
        embedding = F.normalize(embedding, dim=-1)
        centroid = F.normalize(embedding.mean(dim=1), dim=-1)
        without = F.normalize(embedding.sum(dim=1, keepdim=True) - embedding, dim=-1)
        cosine = torch.einsum("pqe,re->pqr", embedding, centroid)
        own = (embedding * without).sum(dim=-1)
        same = torch.eye(speakers, dtype=torch.bool, device=cosine.device).unsqueeze(1)
        logits = self.likeness(torch.where(same, own.unsqueeze(-1), cosine))
        target = torch.arange(speakers, device=cosine.device).repeat_interleave(each)
        return F.cross_entropy(logits.flatten(0, 1), target)


class Triplet(MetricLoss):
    """For every recording the farthest of its speaker and the nearest of another must differ by
    `margin` in distance on the sphere (batch-hard: Hermans et al., 2017, eq. 5)."""

    def __init__(self, embedding_dim: int, speaker_count: int, margin: float = 0.3) -> None:
        super().__init__(embedding_dim, speaker_count)
        self.margin = margin

    def compare(self, embedding: Tensor) -> Tensor:
        """See MetricLoss."""
        unit = F.normalize(embedding, dim=-1).flatten(0, 1)
        # the root's slope is infinite at 0
        distance = (2.0 - 2.0 * unit @ unit.T).clamp(min=1e-6).sqrt()
        owner = torch.arange(len(embedding), device=unit.device)
        owner = owner.repeat_interleave(embedding.shape[1])
        same = owner[:, None] == owner
        farthest = distance.masked_fill(~same, 0.0).amax(dim=1)
        nearest = distance.masked_fill(same, float("inf")).amin(dim=1)
        return F.relu(farthest - nearest + self.margin).mean()
