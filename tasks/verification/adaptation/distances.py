"""Adaptation of distances: recordings of one person are as far apart in the target domain as in the
source domain, and so are those of two people."""

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.errors import ConfigError
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode
from tasks.verification.adaptation.domains import DomainTask


class DistanceAdaptation(DomainTask):
    """CDMA (Li, Han, Song, "CDMA: cross-domain distance metric adaptation for speaker
    verification", ICASSP 2022): where speakers of both domains differ, it is not their embeddings
    that should be distributed alike but the distances of pairs, within speakers and between them.

    The loss is the maximum mean discrepancy of the two domains' cosine distances within speakers,
    and between them, less a little of that of one domain's distances within and the other's
    between, so that both stay apart; the four weights are those of the authors' code. A stream of
    two segments of each utterance: in the target domain pairs within are those of one utterance,
    pairs between those of two utterances, which are taken to be of two people. `bandwidths` are the
    standard deviations of the kernels, whose mean counts. It trains beside a verification task on
    the source domain.
    """

    requires: ClassVar[frozenset[str]] = DomainTask.requires | {"speaker"}

    def __init__(
        self,
        bandwidths: Sequence[float] = (0.05, 0.1, 0.2, 0.5),
        within: float = 1.0,
        between: float = 2.0,
        within_to_between: float = 0.05,
        between_to_within: float = 0.03,
    ) -> None:
        super().__init__()
        if not bandwidths or min(bandwidths) <= 0.0:
            raise ConfigError("bandwidths", str(list(bandwidths)), "numbers above 0")
        self.bandwidths = tuple(bandwidths)
        self.within, self.between = within, between
        self.within_to_between, self.between_to_within = within_to_between, between_to_within

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """See the class; `within` and `between` are the discrepancies."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        assert batch.speaker is not None
        if (count := batch.enrollment.shape[1]) != 2:
            raise ConfigError("scenes.segments", str(count), "2 of each utterance")
        encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        with torch.autocast(encoding.embedding.device.type, enabled=False):
            first, second = F.normalize(encoding.embedding.float()).unflatten(0, (-1, 2)).unbind(1)
            distance = 1.0 - first @ second.T
        target, speaker = self.of_target(batch), batch.speaker[:, 0]
        one_utterance = torch.eye(len(target), dtype=torch.bool, device=target.device)
        one_speaker = speaker[:, None] == speaker[None]
        source_pair, target_pair = (own[:, None] & own[None] for own in (~target, target))
        return self.discrepancy(
            distance[source_pair & one_speaker],
            distance[source_pair & ~one_speaker],
            distance[target_pair & one_utterance],
            distance[target_pair & ~one_utterance],
        )

    def discrepancy(
        self,
        source_within: Tensor,
        source_between: Tensor,
        target_within: Tensor,
        target_between: Tensor,
    ) -> TaskOutput:
        """The loss of four sets of distances `(n,)`; none where one of them is empty."""
        sets = source_within, source_between, target_within, target_between
        if not all(map(len, sets)):
            return TaskOutput(torch.cat(sets).sum() * 0.0, 0)
        mmd = discrepancies(sets, self.bandwidths)
        within, between = mmd[0, 2], mmd[1, 3]
        loss = (
            self.within * within
            + self.between * between
            - self.within_to_between * mmd[0, 3]
            - self.between_to_within * mmd[1, 2]
        )
        count = len(source_within) + len(target_within)
        return TaskOutput(loss, count, {"within": within.detach(), "between": between.detach()})


def discrepancies(sets: Sequence[Tensor], bandwidths: Sequence[float]) -> Tensor:
    """The squared maximum mean discrepancy of each two of N sets of numbers, `(N, N)`, estimated
    over all pairs, under the mean of Gaussian kernels exp(−(x − y)² / 2σ²) (Gretton et al., Journal
    of Machine Learning Research 2012, eq. 5)."""
    values = torch.cat(list(sets))
    squares = (values[:, None] - values[None]).square()
    kernel = torch.stack([(-squares / (2.0 * s * s)).exp() for s in bandwidths]).mean(dim=0)
    averages = torch.block_diag(*[x.new_full((1, len(x)), 1.0 / len(x)) for x in sets])
    means = averages @ kernel @ averages.T
    return means.diag()[:, None] + means.diag()[None] - 2.0 * means
