"""Start and end of each unit of a reference."""

from typing import NamedTuple

from torch import Tensor

from joint.data.phones import UNKNOWN


class Spans(NamedTuple):
    """Start and end of each unit: `starts (B, P)` and `ends (B, P)` in Samples of the mixture, −1
    where they are unknown."""

    starts: Tensor
    ends: Tensor

    def of(self, place: Tensor, silent: Tensor) -> "Spans":
        """Select from spans `(B, N, P)` those of the sources `place (B, K)`, unknown where
        `silent (B, K)`: `(B·K, P)`."""
        rows = place[:, :, None].expand(-1, -1, self.starts.shape[2])
        starts, ends = (
            times.gather(1, rows).masked_fill(silent[:, :, None], UNKNOWN).flatten(0, 1)
            for times in self
        )
        return Spans(starts, ends)
