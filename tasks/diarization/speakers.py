"""What tells the speakers of a recording apart: their speech, and a direction for each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from joint.conversation.turns import Turn, in_order
from joint.inspection.speech import Region
from tasks.diarization.segments import joined


@dataclass(frozen=True)
class Speakers:
    """K speakers without names: the regions of each one's `speech`, and `centroids (K, E)`, their
    embeddings' mean directions."""

    speech: Sequence[Sequence[Region]]
    centroids: np.ndarray

    def turns(self, names: Sequence[str]) -> list[Turn]:
        """Turns in order; speakers of one name are one, and parts that touch one turn."""
        own: dict[str, list[Region]] = {}
        for name, regions in zip(names, self.speech, strict=True):
            own.setdefault(name, []).extend(regions)
        return in_order(Turn(name, *part) for name, parts in own.items() for part in joined(parts))
