"""Time spans of units in a recording."""

from typing import NamedTuple

from torch import Tensor

from joint.data.phones import UNKNOWN


class Spans(NamedTuple):
    """When units are said: `starts (B, P)` and `ends (B, P)` in Samples, −1 where nobody knows."""

    starts: Tensor
    ends: Tensor

    def of(self, place: Tensor, silent: Tensor) -> "Spans":
        """Of spans `(B, N, P)` those of the persons `place (B, K)`, none of who is `silent (B, K)`:
        `(B·K, P)`."""
        rows = place[:, :, None].expand(-1, -1, self.starts.shape[2])
        starts, ends = (
            times.gather(1, rows).masked_fill(silent[:, :, None], UNKNOWN).flatten(0, 1)
            for times in self
        )
        return Spans(starts, ends)
