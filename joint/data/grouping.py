"""Groups by which figures are broken down: gender pairs and age groups."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np


class Person(Protocol):
    """The attributes of an utterance's speaker that define groups; None if unknown."""

    @property
    def gender(self) -> str | None:
        """`f` or `m`."""

    @property
    def age_group(self) -> str | None:
        """`child` or `adult`."""


def gender_pair(first: Person, second: Person) -> str | None:
    """`f-f`, `f-m` or `m-m`, independent of the order; None if a gender is unknown."""
    return _pair(first.gender, second.gender)


def gender_relation(first: Person, second: Person) -> str | None:
    """`same gender` or `different gender`; None if a gender is unknown."""
    if not first.gender or not second.gender:
        return None
    return "same gender" if first.gender == second.gender else "different gender"


def pairs_by_value(
    values: Sequence[str | None], first: np.ndarray, second: np.ndarray
) -> dict[str, np.ndarray]:
    """Positions of the pairs of each kind, such as `f-m`, where `values` has what each row of a
    table is, `first (T,)` and `second (T,)` the rows of every pair; pairs with a row whose value
    is not known are in none."""
    known = sorted({value for value in values if value})
    code = np.array([known.index(v) if v else -1 for v in values], dtype=np.int8)
    low, high = np.minimum(code[first], code[second]), np.maximum(code[first], code[second])
    groups = {}
    for a, name in enumerate(known):
        for b in range(a, len(known)):
            positions = np.flatnonzero((low == a) & (high == b))
            if len(positions):
                groups[f"{name}-{known[b]}"] = positions
    return groups


def positions_by_group(memberships: Iterable[Iterable[str | None]]) -> dict[str, list[int]]:
    """Positions of the items of every group, groups sorted by name; an item may be in several."""
    groups: dict[str, list[int]] = {}
    for position, names in enumerate(memberships):
        for name in names:
            if name is not None:
                groups.setdefault(name, []).append(position)
    return dict(sorted(groups.items()))


def _pair(first: str | None, second: str | None) -> str | None:
    if not first or not second:
        return None
    return "-".join(sorted((first, second)))
