"""Recordings of any length in batches of bounded size."""

from collections.abc import Iterator, Sequence

from joint.units import SAMPLE_RATE, Seconds

BATCH: Seconds = 60.0
"""A batch has at most this much padded audio."""


def batches_by_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Positions in batches of similar lengths, each of at most `BATCH` seconds with its padding."""
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if batch and (len(batch) + 1) * lengths[position] > BATCH * SAMPLE_RATE:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch
