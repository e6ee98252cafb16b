"""Vector quantisation: a codebook for each speaker (Soong, Rosenberg, Rabiner, Juang, ICASSP
1985)."""

import torch
from torch import Tensor

from joint.errors import DataError

SPLIT = 0.05
"""Standard deviations by which the two halves of a split centroid move apart, each way."""

BLOCK = 16_384
"""Frames compared with the centroids at once."""


def lbg(frames: Tensor, size: int, iterations: int = 8) -> Tensor:
    """LBG codebook: centroids `(size, D)` of `frames (N, D)` by splitting and k-means iterations
    (Linde, Buzo, Gray, IEEE Trans. Comm. 1980).

    Where the size is no power of two, the centroids with most distortion are split. A centroid that
    is nearest to no frame stays. Raises DataError for fewer frames than centroids.
    """
    if not 1 <= size <= len(frames):
        raise DataError(
            "codebook", f"{len(frames)} frames for {size} centroids", "at least as many frames"
        )
    centroids = frames.mean(dim=0, keepdim=True)
    # of all frames: the deviation within a cell of few frames could be zero
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
    """One k-means iteration: the new centroids, and the distortion of each cell."""
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
    """Scores are the mean squared distance, for each feature, of the test frames from the
    `background (K', D)` codebook less that from the enrolment's: without the former, scores would
    depend on how common the test frames are (Hautamäki et al., IEEE SPL 2008).

    Features and `background` are divided by `deviation (D,)`, the standard deviation in training.
    """

    def __init__(self, deviation: Tensor, background: Tensor, size: int) -> None:
        self.deviation, self.background, self.size = deviation, background, size

    @classmethod
    def fit(cls, frames: Tensor, size: int, background: int) -> "VqCodebooks":
        """Fit `background` centroids to `frames (N, D)` of many speakers.

        Raises DataError as `lbg` does, and for a constant feature.
        """
        deviation = frames.std(dim=0, correction=0)
        if bool((deviation <= 1e-5).any()):
            found = f"the constant feature {int(deviation.argmin())}"
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
