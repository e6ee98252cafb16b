"""Vector quantisation: a speaker is a codebook (Soong, Rosenberg, Rabiner, Juang, ICASSP 1985)."""

import torch
from torch import Tensor

from joint.errors import DataError

SPLIT = 0.05
"""Standard deviations that a centroid moves either way when it is split."""

BLOCK = 16_384
"""Frames compared with the centroids at once."""


def lbg(frames: Tensor, size: int, iterations: int = 8) -> Tensor:
    """Centroids `(size, D)` of `frames (N, D)`: split, then alternate between nearest centroids and
    their means (Linde, Buzo, Gray, IEEE Trans. Comm. 1980).

    A size that is no power of two splits those centroids that have most distortion. A centroid that
    no frame is nearest to stays where it was. Raises DataError for fewer frames than centroids.
    """
    if not 1 <= size <= len(frames):
        raise DataError(
            "codebook", f"{len(frames)} frames for {size} centroids", "as many at least"
        )
    centroids = frames.mean(dim=0, keepdim=True)
    # The same deviation in every cell: within one of few frames its own would be zero.
    step = SPLIT * frames.std(dim=0, correction=0)
    cells = frames.new_tensor([1.0])
    while len(centroids) < size:
        split = cells.argsort(descending=True)[: size - len(centroids)]
        centroids = torch.cat([centroids, centroids[split] + step])
        centroids[split] -= step
        for _ in range(iterations):
            centroids, cells = _lloyd(frames, centroids)
    return centroids


def _lloyd(frames: Tensor, centroids: Tensor) -> tuple[Tensor, Tensor]:
    """Means of the frames nearest to each centroid, and the distortion that each cell has."""
    sums, counts = torch.zeros_like(centroids), centroids.new_zeros(len(centroids))
    cells = centroids.new_zeros(len(centroids))
    for block in frames.split(BLOCK):
        distance, nearest = squared_distances(block, centroids).min(dim=1)
        sums.index_add_(0, nearest, block)
        counts.index_add_(0, nearest, torch.ones_like(distance))
        cells.index_add_(0, nearest, distance)
    moved = sums / counts.clamp(min=1.0).unsqueeze(1)
    return torch.where(counts.unsqueeze(1) > 0, moved, centroids), cells


def squared_distances(frames: Tensor, centroids: Tensor) -> Tensor:
    """`(N, D)` and `(K, D)` → `(N, K)`."""
    own = (frames * frames).sum(dim=1, keepdim=True)
    bias = (centroids * centroids).sum(dim=1)
    return torch.addmm(own + bias, frames, centroids.T, alpha=-2.0).clamp_(min=0.0)


class VqCodebooks:
    """Scores are how much nearer the test frames are to the enrolment's codebook than to the
    `background (K', D)`, mean squared distances a feature: without the latter, a score says how
    common the test frames are (Hautamäki et al., IEEE Signal Processing Letters 2008).

    Distances, and `background`, are in units of `deviation (D,)`, that of each feature in training.
    """

    def __init__(self, deviation: Tensor, background: Tensor, size: int) -> None:
        self.deviation, self.background, self.size = deviation, background, size

    @classmethod
    def fit(cls, frames: Tensor, size: int, background: int) -> "VqCodebooks":
        """Learn `background` centroids from `frames (N, D)` of many speakers.

        Raises DataError as `lbg` does, and for a feature that never changes.
        """
        deviation = frames.std(dim=0, correction=0)
        if bool((deviation <= 1e-5).any()):
            found = f"feature {int(deviation.argmin())} that never changes"
            raise DataError("codebook", found, "speech")
        return cls(deviation, lbg(frames / deviation, background), size)

    def enroll(self, frames: Tensor) -> Tensor:
        """`(n, D)` → codebook `(K, D)`; raises DataError as `lbg` does."""
        return lbg(frames / self.deviation, self.size)

    def score(self, models: Tensor, frames: Tensor) -> Tensor:
        """Codebooks `(M, K, D)` and one utterance `(n, D)` → `(M,)`."""
        frames = frames / self.deviation
        distances = squared_distances(frames, models.flatten(0, 1))
        least = distances.view(len(frames), len(models), -1).amin(dim=2)
        anybody = squared_distances(frames, self.background).amin(dim=1, keepdim=True)
        return (anybody - least).mean(dim=0) / frames.shape[1]
