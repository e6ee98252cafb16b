"""Results of both probes for a question at every layer, beside chance and shuffled labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from analysis.probing.folds import Fold
from analysis.probing.linear import Kind, Spectra, Spectrum, linear_answers
from analysis.probing.mlp import mlp_answers

PROBES = {"linear": linear_answers, "mlp": mlp_answers}


@dataclass(frozen=True)
class Finding:
    """How well a probe answers a question from a layer.

    `value` is the balanced accuracy of classes, its mean over yes-or-no questions, or R² of
    numbers; `chance` that of always answering one class, or the mean. `skill` is 0 at chance and 1
    where all answers are right. `above_shuffled` is the skill less that of a probe of shuffled
    labels, which is 0 but for luck: it is tested on other speakers or texts and cannot have
    memorised their labels. Where that is below chance, nothing is subtracted.
    """

    target: str
    layer: str
    probe: str
    value: float
    chance: float
    skill: float
    above_shuffled: float


def score(answers: np.ndarray, y: np.ndarray, kind: Kind) -> float:
    """Balanced accuracy, or R² averaged over all columns that vary (negative for answers worse than
    the mean)."""
    if kind == "numbers":
        residual = ((answers - y) ** 2).sum(axis=0)
        total = ((y - y.mean(axis=0)) ** 2).sum(axis=0)
        varies = total > 1e-12
        return float(np.mean(1.0 - residual[varies] / total[varies]))
    if kind == "classes":
        right = answers.argmax(axis=1) == y.argmax(axis=1)
        return float(np.mean([right[column > 0].mean() for column in y.T if column.any()]))
    right = (answers > 0.5) == (y > 0.5)
    asked = [c for c in range(y.shape[1]) if 0 < y[:, c].mean() < 1]
    each = [0.5 * (right[y[:, c] > 0.5, c].mean() + right[y[:, c] < 0.5, c].mean()) for c in asked]
    return float(np.mean(each))


def chance_of(y: np.ndarray, kind: Kind) -> float:
    """The score of always answering one class, or the mean."""
    return {"classes": 1.0 / max(int((y.sum(axis=0) > 0).sum()), 1), "presence": 0.5}.get(kind, 0.0)


def shuffled(y: np.ndarray, units: Sequence[str] | None, seed: int = 0) -> np.ndarray:
    """The answers in random order; with `units`, all items of a unit get the answer of another
    unit's first item."""
    rng = np.random.default_rng((seed, 11))
    if units is None:
        return y[rng.permutation(len(y))]
    _, first, unit = np.unique(np.asarray(units), return_index=True, return_inverse=True)
    return y[first[rng.permutation(len(first))]][unit]


def findings(
    spectra: Spectra,
    name: str,
    kind: Kind,
    y: np.ndarray,
    folds: Sequence[Fold],
    units: Sequence[str] | None = None,
) -> Iterator[Finding]:
    """A finding for each layer and each probe; `y (n, c)` are the answers. Where an answer belongs
    to a speaker and not to a recording, `units (n,)` are the speakers."""
    control = shuffled(y, units)
    chance = chance_of(y, kind)
    room = 1.0 - chance
    for probe, answers in PROBES.items():
        own, random = (answers(spectra, folds, tensor(t), kind) for t in (y, control))
        for layer in spectra:
            value = score(own[layer].numpy(), y, kind)
            skill = (value - chance) / room
            shuffled_skill = (score(random[layer].numpy(), control, kind) - chance) / room
            above = skill - max(0.0, shuffled_skill)
            yield Finding(name, layer, probe, value, chance, skill, above)


def decompose(vectors: np.ndarray, folds: Sequence[Fold]) -> list[Spectrum]:
    """The principal components of `vectors (n, D)`, fold by fold."""
    return [Spectrum.of(tensor(vectors), fold) for fold in folds]


def tensor(values: np.ndarray) -> Tensor:
    """As float64, which closed-form solutions need."""
    return torch.from_numpy(np.asarray(values, dtype=np.float64))
