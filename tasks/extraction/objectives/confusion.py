"""A loss against target confusion: an enrolment must be nearer to its speaker's own speech in the
mixture than to anybody else's there."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.task import Encode
from joint.units import SAMPLE_RATE, Samples

REFERENCES = "references"
"""Role of each speaker's own speech in a mixture."""

SHORTEST: Samples = SAMPLE_RATE * 3 // 10
"""Less speech of a source than the encoder takes is not encoded."""


@dataclass(frozen=True)
class Compared:
    """The loss of each enrolment that could be compared, `losses (n,)`, and of each whether it is
    nearer to another speaker of its mixture than to its own, `confused (n,)`."""

    losses: Tensor
    confused: Tensor


class ConfusionLoss(nn.Module, ABC):
    """Metric learning against target confusion (Zhao, Yang, Gu, Zhang, Zou: "Target Confusion in
    End-to-end Speaker Extraction", ICASSP 2022, section 3.1).

    An embedding that lies between the two voices of a mixture misleads the extractor. Here the
    anchor is the enrolment's embedding, the positive one is of the target's own reference, the
    negative ones are of the other references of the same mixture: the pairs that are confused. Only
    a task whose switch updates the encoder learns from it.

    Args:
        weight: Beside the extractor's loss.
    """

    def __init__(self, weight: float = 0.1) -> None:
        super().__init__()
        if weight <= 0:
            raise ConfigError("confusion.weight", str(weight), "above 0")
        self.weight = weight

    def forward(
        self, encode: Encode, anchors: Tensor, sources: Tensor, enrollment_source: Tensor
    ) -> Compared:
        """Compare the embeddings `anchors (B·K, E)` of enrolments with those of `sources (B, N, S)`
        of their mixtures; `enrollment_source (B, K)` as SceneBatch has it. Absent people, and
        sources with less than 0.3 s, are left out."""
        with torch.autocast(anchors.device.type, enabled=False):
            known, embeddings = self._encoded(encode, sources)
            anchors = F.normalize(anchors.float(), dim=-1)
            own = enrollment_source.flatten()
            mixture = torch.arange(len(sources), device=own.device)
            mixture = mixture.repeat_interleave(enrollment_source.shape[1])
            places = torch.arange(sources.shape[1], device=own.device)
            there = known[mixture]
            positive = (places == own[:, None]) & there
            negative = (places != own[:, None]) & there
            used = positive.any(dim=1) & negative.any(dim=1)
            cosine = torch.einsum("be,bne->bn", anchors, embeddings[mixture])[used]
            positive, negative = positive[used], negative[used]
            nearest = cosine.masked_fill(~negative, -2.0).amax(dim=1)
            own_cosine = (cosine * positive).sum(dim=1)
            return Compared(self.compare(own_cosine, cosine, negative), nearest > own_cosine)

    @abstractmethod
    def compare(self, own: Tensor, cosine: Tensor, negative: Tensor) -> Tensor:
        """The loss `(n,)`: cosine `own (n,)` of the anchor with its own speaker's speech; `cosine
        (n, N)` with that of every source, of which `negative (n, N)` are other speakers'."""

    def _encoded(self, encode: Encode, sources: Tensor) -> tuple[Tensor, Tensor]:
        """Which `sources` can be encoded, `(B, N)`, and their unit embeddings `(B, N, E)`."""
        flat = sources.flatten(0, 1)
        spoken = [_spoken(source) for source in flat]
        known = [len(part) >= SHORTEST for part in spoken]
        # what is too short is encoded too, and not used: shapes stay those of the batch
        parts = [spoken[i] if fine else flat[i] for i, fine in enumerate(known)]
        lengths = torch.tensor([len(part) for part in parts], device=flat.device)
        audio = nn.utils.rnn.pad_sequence(parts, batch_first=True)
        embedding = F.normalize(encode(audio, lengths, REFERENCES).embedding.float(), dim=-1)
        shape = sources.shape[:2]
        found = torch.tensor(known, device=flat.device).reshape(shape)
        return found, embedding.reshape(*shape, -1)


class TripletConfusion(ConfusionLoss):
    """The nearest other speaker must be farther by `margin` than the own one, in distance on the
    unit sphere."""

    def __init__(self, weight: float = 0.1, margin: float = 0.3) -> None:
        super().__init__(weight)
        self.margin = margin

    def compare(self, own: Tensor, cosine: Tensor, negative: Tensor) -> Tensor:
        """See ConfusionLoss."""
        nearest = cosine.masked_fill(~negative, -1.0).amax(dim=1)
        return F.relu(_distance(own) - _distance(nearest) + self.margin)


class PrototypicalConfusion(ConfusionLoss):
    """Cross-entropy of choosing the own speaker among those of the mixture, by `scale` times the
    cosine."""

    def __init__(self, weight: float = 0.1, scale: float = 10.0) -> None:
        super().__init__(weight)
        self.scale = scale

    def compare(self, own: Tensor, cosine: Tensor, negative: Tensor) -> Tensor:
        """See ConfusionLoss."""
        logits = torch.cat([own[:, None], cosine.masked_fill(~negative, float("-inf"))], dim=1)
        return -F.log_softmax(self.scale * logits, dim=1)[:, 0]


def _distance(cosine: Tensor) -> Tensor:
    """Of unit vectors with that cosine."""
    # the root's slope is infinite at 0
    return (2.0 - 2.0 * cosine).clamp(min=1e-6).sqrt()


def _spoken(source: Tensor) -> Tensor:
    """`source (S,)` from its first to its last sample that is not 0; none of silence."""
    sounding = source.nonzero()
    if not len(sounding):
        return source[:0]
    return source[int(sounding[0]) : int(sounding[-1]) + 1]
