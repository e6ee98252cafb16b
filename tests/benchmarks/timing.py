"""Contestants are measured in turn, A B A B: a machine that slows down slows all of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


def nothing() -> None:
    """What most contestants do before they are timed."""


@dataclass(frozen=True)
class Contestant:
    """`run` is timed and handles `amount` (recordings, mixtures or Seconds of audio); `before` is
    called first, untimed."""

    name: str
    run: Callable[[], object]
    amount: float = 1.0
    before: Callable[[], object] = nothing


@dataclass(frozen=True)
class Line:
    """A line of the table: what was measured, for whom, and each value in `unit`."""

    what: str
    who: str
    values: Sequence[float]
    unit: str
    advantage: float | None = None
    """How many times as fast the line's opponent is: the first contestant of the race."""

    @property
    def median(self) -> float:
        """The median of the values."""
        return median(self.values)


def race(
    what: str, contestants: Sequence[Contestant], unit: str, repeats: int, per_amount: bool = False
) -> list[Line]:
    """Run every contestant once unmeasured, then all in turn `repeats` times.

    Values are amounts a second, or seconds an amount where `per_amount` (real-time factors).
    Advantages are those of the first contestant.
    """
    for contestant in contestants:
        contestant.before()
        contestant.run()
    seconds: dict[str, list[float]] = {c.name: [] for c in contestants}
    for _ in range(repeats):
        for contestant in contestants:
            contestant.before()
            begin = time.perf_counter()
            contestant.run()
            taken = time.perf_counter() - begin
            seconds[contestant.name].append(taken / contestant.amount)
    first = median(seconds[contestants[0].name])
    return [
        Line(
            what,
            c.name,
            seconds[c.name] if per_amount else [1.0 / s for s in seconds[c.name]],
            unit,
            None if c is contestants[0] else median(seconds[c.name]) / first,
        )
        for c in contestants
    ]
