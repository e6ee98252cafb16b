"""GMM-UBM: a speaker's model is the background model, MAP-adapted to the enrolment (Reynolds,
Quatieri, Dunn, Digital Signal Processing 2000)."""

import torch
from torch import Tensor

from joint.errors import ConfigError
from tasks.verification.classic.gmm import Gmm, Statistics


def map_offsets(statistics: Statistics, relevance: float) -> Tensor:
    """MAP offsets of the means in standard deviations, `(B, C, D)`: n/(n + relevance) times the
    distance to the mean of the component's n frames (§3.3). A relevance of 0 gives the maximum
    likelihood estimate, infinity the background model; a component without frames stays."""
    weight = (statistics.zero + relevance).unsqueeze(2)
    return torch.where(weight > 0, statistics.first / weight.clamp(min=1e-30), 0.0)


class GmmUbm:
    """Scores are mean log-likelihood ratios of a frame, adapted model against background model,
    over the `top` components with the highest likelihood in the background model (Reynolds et al.,
    §3.4). Only means are adapted."""

    def __init__(self, ubm: Gmm, relevance: float = 16.0, top: int = 5) -> None:
        if not relevance >= 0:
            raise ConfigError("relevance", str(relevance), "0 or more")
        if top < 1:
            raise ConfigError("top", str(top), "1 or more")
        self.ubm, self.relevance, self.top = ubm, relevance, min(top, len(ubm.weights))

    def enroll(self, frames: Tensor) -> Tensor:
        """Frames `(n, D)` → offsets of the means in standard deviations `(C, D)`."""
        return map_offsets(self.ubm.statistics([frames]), self.relevance)[0]

    def score(self, models: Tensor, frames: Tensor) -> Tensor:
        """Offsets `(M, C, D)` and one utterance `(n, D)` → `(M,)`.

        With z the distance of a frame from the mean in standard deviations, an offset d changes the
        component's log density by z·d - d²/2, so the background model is evaluated once for all
        models.
        """
        joint, best = self.ubm.log_joint(frames).topk(self.top, dim=1)
        share = joint.log_softmax(dim=1)
        best = best.flatten()
        z = frames.repeat_interleave(self.top, dim=0) - self.ubm.means[best]
        z /= self.ubm.variances[best].sqrt()
        scores = []
        for offsets in models:
            moved = offsets[best]
            change = torch.einsum("jd,jd->j", z, moved) - 0.5 * offsets.square().sum(dim=1)[best]
            scores.append((share + change.view_as(share)).logsumexp(dim=1).mean())
        return torch.stack(scores)
