"""Time-aligned words and phones of a recording, and their form in manifests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from joint.errors import ConfigError, DataError
from joint.files import read_lines
from joint.units import SAMPLE_RATE, Samples

if TYPE_CHECKING:
    from lhotse.supervision import AlignmentItem

PHONES = "phones.txt"
"""The file with the phone inventory beside the manifests: one phone a line, silence first."""
SILENCE = "SIL"
UNKNOWN = -1
"""Index of an unknown phone."""
ALIGNMENT, WORDS = "phone", "word"
"""Keys of phones and words in a supervision's alignments."""
PRONUNCIATION = "pronunciation"
"""The key of the phones without times among a supervision's custom fields."""


class TimedWord(NamedTuple):
    """A word with its start and end."""

    word: str
    start: Samples
    end: Samples

    @classmethod
    def of(cls, item: "AlignmentItem") -> "TimedWord":
        """From lhotse's alignment item."""
        return cls(item.symbol, round(item.start * SAMPLE_RATE), round(item.end * SAMPLE_RATE))

    def item(self) -> "AlignmentItem":
        """Lhotse's alignment item."""
        from lhotse.supervision import AlignmentItem

        length = (self.end - self.start) / SAMPLE_RATE
        return AlignmentItem(self.word, self.start / SAMPLE_RATE, length)


@dataclass(frozen=True, slots=True)
class PhoneIntervals:
    """The phones of a whole recording as contiguous intervals: `phones (P,)` int16 are indices into
    the corpus's inventory or `UNKNOWN`, `ends (P,)` int64 the Samples at which each ends.
    """

    phones: np.ndarray
    ends: np.ndarray

    @classmethod
    def unknown(cls, length: Samples) -> "PhoneIntervals":
        """One unknown interval of `length` Samples."""
        return cls(np.array([UNKNOWN], dtype=np.int16), np.array([length], dtype=np.int64))

    @classmethod
    def from_items(
        cls, items: Iterable["AlignmentItem"], inventory: Sequence[str], length: Samples
    ) -> "PhoneIntervals":
        """From lhotse's alignment items, in order of time; gaps between them are silence.

        Raises ValueError for a phone that is not in the `inventory`.
        """
        phones, ends, reached = [], [], 0
        for item in items:
            start, end = (round(t * SAMPLE_RATE) for t in (item.start, item.end))
            if start > reached:
                phones.append(0)
                ends.append(start)
            phones.append(inventory.index(item.symbol))
            reached = max(end, reached)
            ends.append(reached)
        if reached < length:
            phones.append(0)
            ends.append(length)
        return cls(np.array(phones, dtype=np.int16), np.array(ends, dtype=np.int64))

    @classmethod
    def from_row(cls, row: Sequence[Sequence[int]]) -> "PhoneIntervals":
        """From what `row` gave."""
        phones, ends = row
        return cls(np.array(phones, dtype=np.int16), np.array(ends, dtype=np.int64))

    def row(self) -> tuple[list[int], list[int]]:
        """Phones and ends, for JSON."""
        return self.phones.tolist(), self.ends.tolist()

    def items(self, inventory: Sequence[str]) -> list["AlignmentItem"]:
        """Lhotse's alignment items, silences left out."""
        from lhotse.supervision import AlignmentItem

        starts = np.concatenate([[0], self.ends[:-1]])
        return [
            AlignmentItem(inventory[phone], start / SAMPLE_RATE, (end - start) / SAMPLE_RATE)
            for phone, start, end in zip(self.phones, starts, self.ends, strict=True)
            if phone > 0
        ]

    def part(self, speed: float, start: Samples, length: Samples) -> "PhoneIntervals":
        """Those of `length` Samples from `start` on, both counted after the speed change."""
        ends = np.rint(self.ends / speed).astype(np.int64) - start
        first = int(np.searchsorted(ends, 0, side="right"))
        last = min(int(np.searchsorted(ends, length)), len(ends) - 1)
        kept = ends[first : last + 1].copy()
        kept[-1] = length
        return PhoneIntervals(self.phones[first : last + 1], kept)

    def tiled(self, length: Samples) -> "PhoneIntervals":
        """Repeated until they are `length` long, as `rendering.tiled` repeats the waveform."""
        own = int(self.ends[-1])
        times = -(-length // own)
        ends = (self.ends[None, :] + own * np.arange(times)[:, None]).ravel()
        return PhoneIntervals(np.tile(self.phones, times), ends).part(1.0, 0, length)


def need_phones(phones: Sequence[str]) -> None:
    """Raises ConfigError where a task that learns phones is given none."""
    if not phones:
        raise ConfigError("data.train", "no phones", "a folder aligned by 'joint align'")


def read_inventory(path: Path) -> tuple[str, ...]:
    """The phones of a prepared folder, `()` where it has none. Raises DataError."""
    if not path.is_file():
        return ()
    found = tuple(" ".join(read_lines(path, "phones, one a line")).split())
    if not found or found[0] != SILENCE or len(set(found)) < len(found):
        raise DataError(path, " ".join(found[:3]) or "nothing", f"{SILENCE}, then each phone once")
    return found


def known_intervals(
    items: Any, inventory: Sequence[str], length: Samples, where: str
) -> PhoneIntervals:
    """`PhoneIntervals.from_items`; raises DataError for a phone outside the inventory."""
    try:
        return PhoneIntervals.from_items(items, inventory, length)
    except ValueError:
        strange = next(item.symbol for item in items if item.symbol not in inventory)
        raise DataError(where, f"the phone {strange}", f"those of {PHONES}") from None
