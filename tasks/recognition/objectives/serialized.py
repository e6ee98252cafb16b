"""The serialized reference of a scene, with times where its order is that of time."""

from collections.abc import Sequence
from typing import TypeVar

from torch import Tensor

from joint.text.spans import Spans
from joint.text.units import Targets, padded
from joint.units import Samples
from tasks.recognition.objectives.alignment import interleaved
from tasks.recognition.objectives.serialization import Serialization
from tasks.recognition.task import Reference

CHANGE = -1
"""The change token, among places of units."""
Item = TypeVar("Item")


def serialized(
    targets: Targets, starts: Tensor, order: Serialization, change: int, hop: Samples
) -> Reference:
    """The `targets` of N speakers, who start at `starts (B, N)`, as one sequence in `order`, with
    the symbol `change` between speakers.

    Where the order is that of time the reference has spans in Samples, the change token's of one
    `hop`.
    """
    known, rows, times = targets.known.all(dim=1), [], []
    for b, begun in enumerate(starts.tolist()):
        counts = targets.counts[b].tolist()
        ids, ends, spans = first_of_each(targets.ids[b], counts), None, []
        if targets.spans is not None:
            sides = (first_of_each(side[b], counts) for side in targets.spans)
            spans = list(zip(*sides, strict=True))
            ends = split([end for _, end in spans], counts)
            known[b] &= not order.in_time or all(end >= 0 for _, end in spans)
        places = order.join(split(list(range(len(ids))), counts), begun, ends, CHANGE)
        rows.append([change if place == CHANGE else ids[place] for place in places])
        if order.in_time:
            times.append(interleaved(places, spans, hop))
    sequences = padded(rows).to(targets.ids.device)
    found = None
    if order.in_time:
        both = ([[span[side] for span in row] for row in times] for side in (0, 1))
        found = Spans(*(padded(side).to(sequences.device) for side in both))
    return Reference(sequences, (sequences >= 0).sum(dim=1), known, found)


def first_of_each(rows: Tensor, counts: Sequence[int]) -> list[int]:
    """The first `counts` items of each row `(N, P)`, as one list."""
    kept = zip(rows.tolist(), counts, strict=True)
    return [item for row, count in kept for item in row[:count]]


def split(items: Sequence[Item], counts: Sequence[int]) -> list[list[Item]]:
    """Consecutive `items` in lists of `counts`."""
    rest = iter(items)
    return [[next(rest) for _ in range(count)] for count in counts]
