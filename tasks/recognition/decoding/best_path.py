"""Greedy decoding: the most likely path of CTC."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from joint.losses.ctc import collapsed
from tasks.recognition.core import Posteriors


class Decoding(Protocol):
    """Turns the posteriors of one recording into symbols, or into words where it has a lexicon.

    Long recordings are decoded as a whole, or window by window where it is `windowed`.
    """

    windowed: ClassVar[bool]

    def __call__(self, posteriors: Posteriors, row: int) -> Sequence[int] | Sequence[str]: ...


class BestPath:
    """The symbols of the most likely path."""

    windowed: ClassVar[bool] = False

    def __call__(self, posteriors: Posteriors, row: int) -> list[int]:
        """See Decoding."""
        return best_path(posteriors, row)


def best_path(posteriors: Posteriors, row: int) -> list[int]:
    """The symbols of the most likely path of one recording."""
    own = posteriors.log_probabilities[row, : posteriors.frames[row]]
    return collapsed(own.argmax(dim=-1))
