"""Joint factor analysis (Kenny, Ouellet, Dehak, Gupta, Dumouchel, IEEE Trans. ASLP 2008): means
depend on speaker and channel as m + V y + U x + D z, in standard deviations of the background
model."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from joint.errors import DataError
from tasks.verification.backends.scoring import Backend, Prepared
from tasks.verification.backends.statistics import finite
from tasks.verification.classic.gmm import Statistics
from tasks.verification.classic.total_variability import BATCH, Subspace


@dataclass(frozen=True)
class JointFactorAnalysis:
    """Eigenvoices `speaker` (V), eigenchannels `channel` (U), and `residual (C, D)`, the diagonal
    of D, for the speaker variability outside the eigenvoices."""

    speaker: Subspace
    channel: Subspace
    residual: Tensor

    @classmethod
    def fit(
        cls,
        statistics: Statistics,
        speakers: np.ndarray,
        voices: int,
        channels: int,
        iterations: int = 10,
        seed: int = 1,
        progress: bool = False,
    ) -> "JointFactorAnalysis":
        """Decoupled training (Kenny et al. 2008, §III): V on each speaker's pooled statistics, then
        U on each utterance's statistics without V y, then D on each speaker's without V y and U x.

        `speakers (B,)` are those of the utterances. Raises DataError for fewer than two speakers,
        one utterance of each speaker, and more eigenvoices than speakers.
        """
        names, index, counts = np.unique(speakers, return_inverse=True, return_counts=True)
        if len(names) < 2:
            raise DataError("JFA", f"{len(names)} speakers", "at least two")
        if counts.max() < 2:
            raise DataError("JFA", "one utterance of each speaker", "several of a speaker")
        groups = torch.from_numpy(index)
        people = statistics.pooled(groups)
        speaker = Subspace.fit(people, voices, iterations, seed, "eigenvoices", progress)
        own = speaker.offsets(speaker.factors(people))
        rest = without(statistics, own[groups])
        channel = Subspace.fit(rest, channels, iterations, seed, "eigenchannels", progress)
        rest = without(rest, channel.offsets(channel.factors(rest))).pooled(groups)
        residual = torch.full_like(statistics.first[0], 0.1)
        for _ in range(iterations):
            residual = _residual_step(residual, rest)
        return cls(speaker, channel, residual)

    def embed(self, statistics: Statistics) -> Tensor:
        """The input of `PointScoring` and `LinearScoring`, `(B, 2·C·D + C)`.

        For each utterance the speaker's offset V y + D z, the mean distance of the frames from the
        background model without the channel's offset U x, and the share of frames of each
        component. y and x are estimated together, then z.
        """
        parts = range(0, len(statistics), BATCH)
        return torch.cat([self._embed(statistics[start : start + BATCH]) for start in parts])

    def _embed(self, statistics: Statistics) -> Tensor:
        both = Subspace(torch.cat([self.speaker.loading, self.channel.loading], dim=2))
        y, x = both.factors(statistics).tensor_split([self.speaker.rank], dim=1)
        voice = self.speaker.offsets(y)
        compensated = without(statistics, self.channel.offsets(x))
        rest = without(compensated, voice)
        z = self.residual * rest.first / (1 + rest.zero.unsqueeze(2) * self.residual.square())
        frames = statistics.zero.sum(dim=1, keepdim=True)
        own = (voice + self.residual * z).flatten(1)
        return torch.cat(
            [own, compensated.first.flatten(1) / frames, statistics.zero / frames], dim=1
        )


def without(statistics: Statistics, offsets: Tensor) -> Statistics:
    """The statistics around means that are shifted by `offsets (B, C, D)`."""
    shifted = torch.addcmul(statistics.first, statistics.zero.unsqueeze(2), offsets, value=-1.0)
    return Statistics(statistics.zero, shifted)


def _residual_step(residual: Tensor, statistics: Statistics) -> Tensor:
    """One iteration of expectation maximisation for D, with minimum divergence as in `Subspace`,
    without which D would hardly change."""
    zero = statistics.zero.unsqueeze(2)
    precision = 1 + zero * residual.square()
    z = residual * statistics.first / precision
    second = z.square() + 1 / precision
    moved = (statistics.first * z).sum(dim=0) / (zero * second).sum(dim=0).clamp(min=1e-10)
    return moved * second.mean(dim=0).sqrt()


class PointScoring(Backend):
    """Mean log-likelihood ratios of a frame with speaker and channel at their posterior means
    (channel point estimate of Glembek, Burget, Dehak, Brümmer, Kenny, ICASSP 2009).

    With the offset a of one side and the mean frames f and component shares n of the other, a score
    is a·f − ½ Σ_c n_c |a_c|², averaged over both directions. `components` is their number C.
    """

    def __init__(self, components: int) -> None:
        self.components = components

    def prepare(self, embeddings: np.ndarray) -> Prepared:
        """See Backend; `embeddings` are `JointFactorAnalysis.embed`'s."""
        own, frames, shares = self._sides(embeddings)
        size = 0.5 * np.square(own).reshape(len(own), self.components, -1).sum(axis=2)
        first = np.hstack([own, frames, size, shares])
        second = 0.5 * np.hstack([frames, own, -shares, -size])
        return Prepared(first, second, np.zeros(len(own), dtype=np.float32))

    def _sides(self, embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x = finite(embeddings).astype(np.float32)
        width = (x.shape[1] - self.components) // 2
        return x[:, :width], x[:, width : 2 * width], x[:, 2 * width :]


class LinearScoring(PointScoring):
    """`PointScoring` without the term that is quadratic in the offset (linear scoring, Glembek et
    al. 2009): scores then depend on the length of the offset and need score normalisation."""

    def prepare(self, embeddings: np.ndarray) -> Prepared:
        """See Backend; `embeddings` are `JointFactorAnalysis.embed`'s."""
        own, frames, _ = self._sides(embeddings)
        swapped = 0.5 * np.hstack([frames, own])
        return Prepared(np.hstack([own, frames]), swapped, np.zeros(len(own), dtype=np.float32))
