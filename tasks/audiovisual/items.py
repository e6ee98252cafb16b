"""Both sides of audio-visual trials: embeddings, their quality, what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from joint.directions import unit


@dataclass(frozen=True)
class Modality:
    """One modality of N items: `embeddings (N, E)`, `quality (N, Q)`, and `present (N,)` bool; rows
    where it is missing are read by nobody."""

    embeddings: np.ndarray
    quality: np.ndarray
    present: np.ndarray

    @classmethod
    def complete(cls, embeddings: np.ndarray, quality: np.ndarray) -> "Modality":
        """Present in every item."""
        return cls(embeddings, quality, np.ones(len(embeddings), dtype=bool))

    def without(self, missing: np.ndarray) -> "Modality":
        """The same with rows `missing (N,)` bool taken away."""
        return replace(self, present=self.present & ~missing)

    def without_quality(self) -> "Modality":
        """The same with no measure of quality."""
        return replace(self, quality=np.zeros((len(self.embeddings), 0)))

    def both(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Whether it is present on both sides of trials of these rows, `(T,)` bool."""
        return np.asarray(self.present[first] & self.present[second])

    def cosines(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Of both sides, `(T,)`."""
        points = unit(self.embeddings.astype(np.float64))
        return np.einsum("te,te->t", points[first], points[second])

    def worse(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The lower quality of both sides, measure by measure, `(T, Q)`."""
        return np.minimum(self.quality[first], self.quality[second])


@dataclass(frozen=True)
class Items:
    """Voice and face of N items, and of which `person (N,)` they are."""

    voice: Modality
    face: Modality
    person: np.ndarray

    @property
    def quality(self) -> np.ndarray:
        """Of the voice and of the face side by side, `(N, Q)`."""
        return np.hstack([self.voice.quality, self.face.quality])


def stacked(parts: Sequence[Items]) -> Items:
    """The items of all parts, one part after the other."""
    voice, face = (
        Modality(
            *(
                np.concatenate([getattr(getattr(part, kind), name) for part in parts])
                for name in ("embeddings", "quality", "present")
            )
        )
        for kind in ("voice", "face")
    )
    return Items(voice, face, np.concatenate([part.person for part in parts]))
