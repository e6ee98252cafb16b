"""What one output should say of several people, and when."""

from collections.abc import Sequence
from typing import TypeVar

from torch import Tensor

from joint.text.spans import Spans
from joint.text.units import Targets, padded
from joint.units import Samples
from tasks.recognition.objectives.alignment import interleaved
from tasks.recognition.objectives.serialization import Serialization
from tasks.recognition.task import Said

CHANGE = -1
"""A change of the speaker, among places of units."""
Item = TypeVar("Item")


def serialized(
    targets: Targets, starts: Tensor, order: Serialization, change: int, hop: Samples
) -> Said:
    """The `targets` of N speakers, who begin at `starts (B, N)`, as the one sequence that `order`
    makes of them, with the symbol `change` between speakers; with spans in Samples, the change's of
    one `hop`, where that order keeps to the time."""
    known, rows, times = targets.known.all(dim=1), [], []
    for b, begun in enumerate(starts.tolist()):
        counts = targets.counts[b].tolist()
        ids, ends, spans = flat(targets.ids[b], counts), None, []
        if targets.spans is not None:
            spans = list(zip(*(flat(side[b], counts) for side in targets.spans), strict=True))
            ends = parted([end for _, end in spans], counts)
            known[b] &= not order.in_time or all(end >= 0 for _, end in spans)
        places = order.join(parted(list(range(len(ids))), counts), begun, ends, CHANGE)
        rows.append([change if place == CHANGE else ids[place] for place in places])
        if order.in_time:
            times.append(interleaved(places, spans, hop))
    said = padded(rows).to(targets.ids.device)
    written = None
    if order.in_time:
        sides = ([[span[side] for span in row] for row in times] for side in (0, 1))
        written = Spans(*(padded(side).to(said.device) for side in sides))
    return Said(said, (said >= 0).sum(dim=1), known, written)


def flat(rows: Tensor, counts: Sequence[int]) -> list[int]:
    """The first of each row `(N, P)` that count, one after the other."""
    kept = zip(rows.tolist(), counts, strict=True)
    return [item for row, count in kept for item in row[:count]]


def parted(items: Sequence[Item], counts: Sequence[int]) -> list[list[Item]]:
    """Consecutive `items`, so many each."""
    rest = iter(items)
    return [[next(rest) for _ in range(count)] for count in counts]
