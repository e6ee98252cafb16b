"""Linear probes: ridge regression on frozen vectors, with the penalty chosen by cross-validation
that leaves out one group (a speaker, a text) at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from analysis.probing.folds import Fold

Kind = Literal["classes", "presence", "numbers"]
"""One of several classes, several yes-or-no questions, or numbers."""

Spectra = Mapping[str, Sequence["Spectrum"]]
"""The vectors of each layer, fold by fold."""

PENALTIES = 10.0 ** np.arange(-4.0, 3.0)
"""Ridge penalties to choose from, relative to the mean eigenvalue."""
LARGEST_GROUP = 64
"""Items. Larger groups are many frames of one recording; these are left out one by one."""
COMPONENTS = 64
"""Principal components that are the input of an MLP probe."""


@dataclass(frozen=True)
class Spectrum:
    """The vectors of a fold in their principal components: `train (n, k)`, `test (m, k)`, and the
    `energies (k,)` of the training part in descending order; `groups (G, s)` are the rows of
    `train` in each group, -1 as padding."""

    train: Tensor
    test: Tensor
    energies: Tensor
    groups: Tensor

    @classmethod
    def of(cls, vectors: Tensor, fold: Fold) -> "Spectrum":
        """Standardise columns and find components by the training part."""
        train, test = vectors[fold.train], vectors[fold.test]
        mean, deviation = train.mean(dim=0), train.std(dim=0)
        # a column that is almost constant in training must not dominate where it varies in the test
        deviation = deviation.clamp(min=max(0.05 * float(deviation.median()), 1e-9))
        train, test = (train - mean) / deviation, (test - mean) / deviation
        wide = train.shape[1] > len(train)
        energies, basis = torch.linalg.eigh(train @ train.T if wide else train.T @ train)
        kept = energies > 1e-6 * energies[-1]
        kept[-1] = True  # vectors that are all alike have no energy, but an answer
        energies, basis = energies[kept].clamp(min=1e-9).flip(0), basis[:, kept].flip(1)
        if wide:
            basis = train.T @ basis / energies.sqrt()
        return cls(train @ basis, test @ basis, energies, _rows_of(fold.groups))

    def ridge(self, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Predictions of `targets (n, c)` for the training and the test part."""
        mean = targets.mean(dim=0)
        projected = self.train.T @ (targets - mean)
        weights = projected / (self.energies + self.penalty(targets))[:, None]
        return self.train @ weights + mean, self.test @ weights + mean

    def penalty(self, targets: Tensor) -> float:
        """The penalty with the least error on left-out groups, computed in closed form from the
        influence of each group on its own predictions."""
        mean = targets.mean(dim=0)
        projected = self.train.T @ (targets - mean)
        there = (self.groups >= 0)[..., None]
        best, least = 0.0, float("inf")
        for penalty, corrected in self.left_out.items():
            fitted = self.train @ (projected / (self.energies + penalty)[:, None]) + mean
            residuals = (targets - fitted)[self.groups] * there
            error = float((corrected @ residuals).square().mean())
            if error < least:
                best, least = penalty, error
        return best

    @cached_property
    def left_out(self) -> dict[float, Tensor]:
        """For each penalty and group, the matrix that turns the group's residuals into those of a
        regression without the group, `(G, s, s)`; it does not depend on the targets."""
        there = (self.groups >= 0)[..., None]
        rows = self.train[self.groups] * there
        alone = (1.0 + 1e-6) * torch.eye(
            rows.shape[1], dtype=rows.dtype
        )  # so that an exact fit stays invertible
        of_mean = there * there.mT / len(self.train)
        found = {}
        for penalty in (PENALTIES * float(self.energies.mean())).tolist():
            rest = alone - rows / (self.energies + penalty) @ rows.mT - of_mean
            found[penalty] = rest.reciprocal() if rest.shape[1] == 1 else torch.linalg.inv(rest)
        return found

    def whitened(self) -> tuple[Tensor, Tensor]:
        """The first components of training and test part, scaled to unit variance in training."""
        scale = (len(self.train) / self.energies[:COMPONENTS]).sqrt()
        return self.train[:, :COMPONENTS] * scale, self.test[:, :COMPONENTS] * scale


def _rows_of(groups: np.ndarray) -> Tensor:
    """The rows of each group, `(G, s)`."""
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if sizes.max() > LARGEST_GROUP:
        return torch.arange(len(groups))[:, None]
    order = np.argsort(group, kind="stable")
    rows = np.full((len(sizes), sizes.max()), -1)
    rows[np.arange(sizes.max()) < sizes[:, None]] = order
    return torch.from_numpy(rows)


def linear_answers(
    spectra: Spectra, folds: Sequence[Fold], y: Tensor, kind: Kind
) -> dict[str, Tensor]:
    """Each layer's answers `(n, c)`, each item's by the fold that tests it.

    `y (n, c)` are one-hot classes, zeros and ones, or numbers. Scores of classes are shifted and
    scaled so that 0.5 is half-way between the means of yes and no, whatever the class's share.
    """
    return {layer: _linear(parts, folds, y, kind) for layer, parts in spectra.items()}


def _linear(parts: Sequence[Spectrum], folds: Sequence[Fold], y: Tensor, kind: Kind) -> Tensor:
    answers = torch.empty_like(y)
    for spectrum, fold in zip(parts, folds, strict=True):
        fitted, predicted = spectrum.ridge(y[fold.train])
        if kind != "numbers":
            yes = y[fold.train]
            high = (fitted * yes).sum(dim=0) / yes.sum(dim=0).clamp(min=1.0)
            low = (fitted * (1.0 - yes)).sum(dim=0) / (1.0 - yes).sum(dim=0).clamp(min=1.0)
            predicted = (predicted - low) / (high - low).clamp(min=1e-6)
        answers[fold.test] = predicted
    return answers
