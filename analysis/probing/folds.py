"""Folds whose test part shares no speaker, or no text, with its training part."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from joint.errors import DataError

FOLDS = 5


@dataclass(frozen=True)
class Fold:
    """Positions of the items to train on and to test on; `groups` numbers the group of each
    training item: items of one group are left out together where the penalty of a probe is
    chosen."""

    train: np.ndarray
    test: np.ndarray
    groups: np.ndarray


def disjoint_folds(
    groups: Sequence[str], apart: Sequence[Sequence[str]] = (), count: int = FOLDS, seed: int = 0
) -> list[Fold]:
    """`count` folds of about equally many items, in which every group is tested once, as a whole.
    Items that share a value of any of `apart` with a test part are not in its training part.

    Raises DataError where there are fewer groups than folds.
    """
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < count:
        raise DataError("probes", f"{len(names)} groups", f"{count}, one for each fold")
    sizes = np.bincount(group)
    order = np.random.default_rng(seed).permutation(len(names))
    filled = np.zeros(count, dtype=int)
    fold_of = np.empty(len(names), dtype=int)
    for name in order[np.argsort(-sizes[order], kind="stable")]:
        fold_of[name] = int(filled.argmin())
        filled[fold_of[name]] += sizes[name]
    folds = []
    for number in range(count):
        tested = fold_of[group] == number
        trained = ~tested
        for values in apart:
            labels = np.asarray(values)
            trained &= ~np.isin(labels, labels[tested])
        folds.append(Fold(np.flatnonzero(trained), np.flatnonzero(tested), group[trained]))
    return folds
