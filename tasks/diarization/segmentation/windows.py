"""Who of the local speakers of overlapping windows talks, in numbers that need no network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from joint.units import Samples


@dataclass(frozen=True)
class LocalActivity:
    """Who of up to N local speakers talks in each window: `active (W, F, N)` bool. Frame f of
    window w is the recording's frame `first[w] + f`, which is centred on sample `offset + (first[w]
    + f)·hop`. A local speaker is another one in the next window."""

    active: np.ndarray
    first: Sequence[int]
    hop: Samples
    offset: Samples

    @property
    def frames(self) -> int:
        """Of the recording, up to the last window's last."""
        return int(max(self.first)) + self.active.shape[1]

    def summed(self, values: np.ndarray) -> np.ndarray:
        """The mean, over the windows that have a frame, of `values (W, F, …)`: `(frames, …)`."""
        total = np.zeros((self.frames, *values.shape[2:]), dtype=np.float32)
        count = np.zeros(self.frames, dtype=np.float32)
        for start, own in zip(self.first, values, strict=True):
            total[start : start + len(own)] += own
            count[start : start + len(own)] += 1.0
        shape = (-1, *[1] * (values.ndim - 2))
        mean: np.ndarray = total / np.maximum(count, 1.0).reshape(shape)
        return mean

    def talking(self) -> np.ndarray:
        """How many talk in each frame, the windows' mean to the nearest number, `(frames,)`."""
        return np.floor(self.summed(self.active.sum(axis=2)) + 0.5).astype(int)


Segment = Callable[[np.ndarray], LocalActivity]
"""A waveform `(S,)` at 16 kHz to its local speakers."""


def starts_of(samples: Samples, window: Samples, step: Samples, hop: Samples) -> list[Samples]:
    """Where windows begin in a recording of `samples`: every `step`, the last one so that it ends
    with the recording, to the `hop`; one where the recording is no longer than a window."""
    last = max(0, samples - window) // hop * hop
    starts = list(range(0, last, step))
    return [*starts, last]
