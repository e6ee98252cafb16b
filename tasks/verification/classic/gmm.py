"""Gaussian mixtures with diagonal covariances: the universal background model (Reynolds, Quatieri,
Dunn, Digital Signal Processing 2000) and the Baum-Welch statistics of utterances."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from joint.errors import DataError
from joint.training.progress import shown
from tasks.verification.classic.vq import BLOCK, lbg

LEAST_FRAMES = 20
"""Minimum of training frames for each component, on average, to estimate its variance."""

VARIANCE_FLOOR = 0.01
"""Share of the variance of all frames below which no component's variance falls: otherwise one
could collapse to a few similar frames."""


@dataclass(frozen=True)
class Statistics:
    """Baum-Welch statistics of `B` utterances: the occupation of each component in frames,
    `zero (B, C)`, and the sum of the frames' distances from its mean in standard deviations,
    `first (B, C, D)`."""

    zero: Tensor
    first: Tensor

    def __len__(self) -> int:
        return len(self.zero)

    def __getitem__(self, rows: Tensor | slice) -> "Statistics":
        return Statistics(self.zero[rows], self.first[rows])

    def pooled(self, groups: Tensor) -> "Statistics":
        """Summed over the utterances of each group; `groups (B,)` are numbered from 0."""
        size = int(groups.max()) + 1
        return Statistics(
            self.zero.new_zeros(size, *self.zero.shape[1:]).index_add_(0, groups, self.zero),
            self.first.new_zeros(size, *self.first.shape[1:]).index_add_(0, groups, self.first),
        )


@dataclass(frozen=True)
class Gmm:
    """`weights (C,)`, `means (C, D)` and `variances (C, D)`."""

    weights: Tensor
    means: Tensor
    variances: Tensor

    @classmethod
    def fit(
        cls, frames: Tensor, components: int, iterations: int = 12, progress: bool = False
    ) -> "Gmm":
        """Fit to `frames (N, D)` by expectation maximisation, starting from an LBG codebook.

        Raises DataError for too few frames, values that are not finite and a constant
        feature.
        """
        if components < 1 or len(frames) < LEAST_FRAMES * components:
            found = f"{len(frames)} frames for {components} components"
            raise DataError("UBM", found, f"at least {LEAST_FRAMES} for each")
        if not bool(torch.isfinite(frames).all()):
            raise DataError("UBM", "frames with NaN or infinity", "numbers")
        spread = frames.var(dim=0, correction=0)
        if bool((spread <= 1e-10).any()):
            raise DataError("UBM", f"the constant feature {int(spread.argmin())}", "speech")
        # a tenth of the frames is enough for the codebook
        sparse = frames[:: max(1, min(10, len(frames) // (LEAST_FRAMES * components)))]
        means = lbg(sparse, components)
        mixture = cls(
            torch.full_like(means[:, 0], 1.0 / components), means, spread.expand_as(means).clone()
        )
        for _ in shown(range(iterations), f"UBM, {components} components", progress):
            mixture = mixture.step(frames, VARIANCE_FLOOR * spread)
        return mixture

    def step(self, frames: Tensor, floor: Tensor) -> "Gmm":
        """One iteration of expectation maximisation on `frames (N, D)`, no variance below `floor
        (D,)`. A component without frames stays as it is."""
        zero = self.weights.new_zeros(len(self.weights), dtype=torch.float64)
        first = torch.zeros_like(self.means, dtype=torch.float64)
        second = torch.zeros_like(first)
        for block in frames.split(BLOCK):
            posterior = torch.softmax(self.log_joint(block), dim=1)
            zero += posterior.sum(dim=0)
            first += posterior.T @ block
            second += posterior.T @ block.square()
        count = zero.clamp(min=1e-8).unsqueeze(1)
        means = (first / count).to(frames.dtype)
        variances = (second / count - (first / count).square()).to(frames.dtype).clamp(min=floor)
        alive = zero.unsqueeze(1) > 1e-6
        return Gmm(
            (zero / zero.sum()).to(frames.dtype),
            torch.where(alive, means, self.means),
            torch.where(alive, variances, self.variances),
        )

    def log_joint(self, frames: Tensor) -> Tensor:
        """log w_c N(x; m_c, v_c): `(N, D)` → `(N, C)`, one product with x and x² concatenated."""
        precision = 1.0 / self.variances
        normalizer = torch.log(2 * torch.pi * self.variances) + self.means.square() * precision
        constant = self.weights.clamp(min=1e-30).log() - 0.5 * normalizer.sum(dim=1)
        slopes = torch.cat([self.means * precision, -0.5 * precision], dim=1)
        return torch.addmm(constant, torch.cat([frames, frames.square()], dim=1), slopes.T)

    def log_likelihood(self, frames: Tensor) -> Tensor:
        """log p(x): `(N, D)` → `(N,)`."""
        blocks = [self.log_joint(block).logsumexp(dim=1) for block in frames.split(BLOCK)]
        return torch.cat(blocks)

    def statistics(self, utterances: Iterable[Tensor]) -> Statistics:
        """The statistics of utterances `(n, D)`."""
        zero, first = [], []
        for frames in utterances:
            posterior = torch.softmax(self.log_joint(frames), dim=1)
            zero.append(posterior.sum(dim=0))
            first.append(posterior.T @ frames - zero[-1].unsqueeze(1) * self.means)
        deviation = self.variances.sqrt()
        return Statistics(torch.stack(zero), torch.stack(first).div_(deviation))
