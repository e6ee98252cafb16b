"""Total variability: the means of an utterance lie in a subspace, and its i-vector are the
coordinates there (Dehak, Kenny, Dehak, Dumouchel, Ouellet, IEEE Trans. ASLP 2011).

Means are relative to the background model's and in its standard deviations, so that the residual
covariance is the identity; the background model's variances are not updated.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from joint.errors import DataError
from joint.seeding import seed_for
from joint.training.progress import shown
from tasks.verification.classic.gmm import Statistics

BATCH = 128
"""Utterances whose posterior covariances, R × R each, are in memory at once."""


@dataclass(frozen=True)
class Posterior:
    """Posterior of the factors of `B` utterances: `mean (B, R)`, `covariance (B, R, R)`, and the
    `log_likelihood (B,)` of their statistics relative to that without factors."""

    mean: Tensor
    covariance: Tensor
    log_likelihood: Tensor


@dataclass(frozen=True)
class Subspace:
    """Means that depend linearly on `R` factors with prior N(0, I): `loading (C, D, R)`."""

    loading: Tensor

    @property
    def rank(self) -> int:
        """Number of factors."""
        return self.loading.shape[2]

    @classmethod
    def fit(
        cls,
        statistics: Statistics,
        rank: int,
        iterations: int = 10,
        seed: int = 1,
        what: str = "total variability",
        progress: bool = False,
    ) -> "Subspace":
        """Fit by expectation maximisation from a random loading.

        Raises DataError for more factors than utterances (or than the means have dimensions).
        """
        size, components, features = statistics.first.shape
        most = min(size, components * features)
        if not 1 <= rank <= most:
            raise DataError(what, f"{rank} factors", f"1 to {most}, the utterances to learn from")
        generator = torch.Generator().manual_seed(seed_for(seed, "subspace", rank))
        drawn = torch.randn(components, features, rank, generator=generator)
        found = cls(drawn.to(statistics.first) * 0.1)
        for _ in shown(range(iterations), f"{what}, {rank} factors", progress):
            found = found.step(statistics)[0]
        return found

    def step(self, statistics: Statistics) -> tuple["Subspace", float]:
        """One iteration with minimum divergence, and the log-likelihood before it.

        The loading is updated as in Kenny, Boulianne, Dumouchel (IEEE Trans. SAP 2005, prop. 3);
        then the factors' second moment is made the identity (Kenny, CRIM-06/08-13, 2005), which
        also raises the likelihood.
        """
        components, features, rank = self.loading.shape
        crossed = self.loading.new_zeros(components * features, rank)
        moments = self.loading.new_zeros(components, rank * rank)
        spread = self.loading.new_zeros(rank, rank)
        likelihood = 0.0
        products = self._products()
        for start in range(0, len(statistics), BATCH):
            part = statistics[start : start + BATCH]
            found = self.posterior(part, products)
            second = torch.baddbmm(
                found.covariance, found.mean.unsqueeze(2), found.mean.unsqueeze(1)
            )
            moments.addmm_(part.zero.T, second.flatten(1))
            crossed.addmm_(part.first.flatten(1).T, found.mean)
            spread += second.sum(dim=0)
            likelihood += float(found.log_likelihood.sum())
        occupied = statistics.zero.sum(dim=0) > 1e-3  # components without frames keep their loading
        loading = self.loading.clone()
        loading[occupied] = torch.linalg.solve(
            moments.view(components, rank, rank)[occupied],
            crossed.view(components, features, rank)[occupied].transpose(1, 2),
        ).transpose(1, 2)
        return Subspace(loading @ torch.linalg.cholesky(spread / len(statistics))), likelihood

    def posterior(self, statistics: Statistics, products: Tensor | None = None) -> Posterior:
        """Posterior of the factors (Dehak et al., §III; Kenny et al. 2005, prop. 1): precision
        I + Σ_c n_c T_cᵀT_c, mean its inverse times Σ_c T_cᵀ f_c."""
        rank = self.rank
        products = self._products() if products is None else products
        precision = (statistics.zero @ products).view(-1, rank, rank)
        precision.diagonal(dim1=1, dim2=2).add_(1.0)
        evidence = statistics.first.flatten(1) @ self.loading.flatten(0, 1)
        factor = torch.linalg.cholesky(precision)
        mean = torch.cholesky_solve(evidence.unsqueeze(2), factor).squeeze(2)
        log_determinant = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        likelihood = 0.5 * ((evidence * mean).sum(dim=1) - log_determinant)
        return Posterior(mean, torch.cholesky_inverse(factor), likelihood)

    def factors(self, statistics: Statistics) -> Tensor:
        """Posterior means of the factors, `(B, R)`: i-vectors in a total variability subspace."""
        products, step = self._products(), BATCH
        stretches = (statistics[start : start + step] for start in range(0, len(statistics), step))
        return torch.cat([self.posterior(part, products).mean for part in stretches])

    def offsets(self, factors: Tensor) -> Tensor:
        """Offsets of the means `(B, C, D)` of factors `(B, R)`."""
        offsets = factors @ self.loading.flatten(0, 1).T
        return offsets.unflatten(1, self.loading.shape[:2])

    def _products(self) -> Tensor:
        """T_cᵀT_c of every component, `(C, R·R)`."""
        return (self.loading.transpose(1, 2) @ self.loading).flatten(1)
