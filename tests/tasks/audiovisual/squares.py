"""Pictures in which people are squares, each of a colour and a pattern, and what finds them."""

from collections.abc import Mapping, Sequence

import numpy as np

from tasks.audiovisual.faces.face import Box, Face, FaceEncoder

SIDE = 48


def picture(
    people: Mapping[int, tuple[int, int]], mouths: Mapping[int, int] | None = None
) -> np.ndarray:
    """A picture `(200, 300, 3)`: person p, from 1 to 5, at (left, top), with the mouth open by so
    many pixels."""
    pixels = np.zeros((200, 300, 3), np.uint8)
    for person, (left, top) in people.items():
        own = pattern(person)
        rows = (mouths or {}).get(person, 0)
        own[36 : 36 + rows, 16:32, :2] = 0
        pixels[top : top + SIDE, left : left + SIDE] = own
    return pixels


def pattern(person: int) -> np.ndarray:
    """A smooth face of one person, whose number is in the last channel."""
    rng = np.random.default_rng(person)
    grey = np.kron(rng.integers(60, 250, (6, 6)), np.ones((8, 8)))
    return np.stack([grey, grey, np.full_like(grey, 40 * person)], axis=2).astype(np.uint8)


def box_of(left: int, top: int) -> Box:
    return (float(left), float(top), float(left + SIDE), float(top + SIDE))


class SquareDetector:
    """Finds each number in the last channel."""

    def __call__(self, picture: np.ndarray) -> list[Face]:
        found = []
        for number in np.unique(picture[..., 2])[1:]:
            rows, columns = np.nonzero(picture[..., 2] == number)
            found.append(Face(box_of(int(columns.min()), int(rows.min())), 1.0))
        return found


class SquareEmbedder:
    """The number as a direction; `embedded` counts the crops."""

    def __init__(self) -> None:
        self.embedded = 0

    def crop(self, picture: np.ndarray, face: Face) -> np.ndarray:
        left, top, right, bottom = (round(edge) for edge in face.box)
        return picture[top:bottom, left:right]

    def embed(self, crops: Sequence[np.ndarray]) -> np.ndarray:
        self.embedded += len(crops)
        rows = np.zeros((len(crops), 6), np.float32)
        for row, crop in zip(rows, crops, strict=True):
            row[crop[0, 0, 2] // 40 - 1] = 2.0
        return rows


def square_encoder() -> FaceEncoder:
    return FaceEncoder(SquareDetector(), SquareEmbedder())
