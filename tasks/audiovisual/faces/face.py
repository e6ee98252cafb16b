"""From a picture to the embedding of the one face in it: detect, align, embed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from joint.errors import DataError

ONE = "one face"

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""


@dataclass(frozen=True)
class Face:
    """Where a face is in a picture: `box` (left, top, right, bottom) in pixels, how sure the
    detector is, and, where it finds them, `landmarks (5, 2)`: both eyes, the tip of the nose, both
    corners of the mouth, those on the left of the picture first."""

    box: Box
    score: float
    landmarks: np.ndarray | None = None

    def overlap(self, other: "Face") -> float:
        """Intersection over union of both boxes."""
        return overlap(self.box, other.box)


class Detector(Protocol):
    """Finds faces."""

    def __call__(self, picture: np.ndarray) -> list[Face]:
        """The faces in `picture (H, W, 3)` uint8, red, green, blue; none where there is none."""


class Embedder(Protocol):
    """Aligns and embeds faces."""

    def crop(self, picture: np.ndarray, face: Face) -> np.ndarray:
        """The aligned face, `(C, C, 3)` uint8; C is the embedder's own."""

    def embed(self, crops: Sequence[np.ndarray]) -> np.ndarray:
        """Embeddings `(n, V)` float32 of aligned faces, not normalised."""


@dataclass(frozen=True)
class FaceEncoder:
    """A detector and an embedder."""

    detector: Detector
    embedder: Embedder

    def crop(self, picture: np.ndarray, where: str | Path) -> np.ndarray:
        """The one face of `picture (H, W, 3)`, aligned, `(C, C, 3)`; see Embedder.

        Raises DataError, which names `where`, for a picture without a face or with several.
        """
        found = self.detector(picture)
        if len(found) != 1:
            raise DataError(where, f"{len(found)} faces" if found else "no face", ONE)
        return self.embedder.crop(picture, found[0])

    def __call__(self, pictures: Sequence[np.ndarray], where: Sequence[str | Path]) -> np.ndarray:
        """Embeddings `(n, V)` float32 of pictures with one face each; raises DataError as `crop`
        does."""
        crops = [self.crop(*each) for each in zip(pictures, where, strict=True)]
        return self.embedder.embed(crops)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(0.0, width) * max(0.0, height)
    return common / max(_area(one) + _area(other) - common, 1e-9)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
