"""The space of a teacher's embeddings, without its mean, turned towards that of another encoder."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from joint.errors import DataError
from joint.files import atomic_path

UNREADABLE = OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile
"""What reading a NumPy archive raises for another file, a part of one, or a single array."""


@dataclass(frozen=True)
class Space:
    """A teacher's unit embedding, less `mean (E,)`, times `rotation (E, E)`, of unit length: the
    rotation leaves cosines as they are, and heads that read the other encoder's embeddings meet
    familiar ones."""

    mean: np.ndarray
    rotation: np.ndarray

    @classmethod
    def between(cls, teacher: np.ndarray, aim: np.ndarray) -> "Space":
        """From the embeddings of the same recordings, `teacher (n, E)` and `aim (n, E)`.

        Raises DataError for other recordings or dimensions.
        """
        check_dimensions("space", teacher.shape[1], aim.shape[1])
        if teacher.shape != aim.shape:
            raise DataError("space", f"{teacher.shape} towards {aim.shape}", "the same recordings")
        rows, wanted = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (teacher, aim))
        mean = rows.mean(axis=0)
        return cls(mean, rotation_between(rows - mean, wanted - wanted.mean(axis=0)))

    def __call__(self, embedding: Tensor) -> Tensor:
        """A teacher's embeddings `(B, E)` as targets, float32, of unit length."""
        mean, rotation = (
            torch.as_tensor(x, dtype=torch.float32, device=embedding.device)
            for x in (self.mean, self.rotation)
        )
        return F.normalize((F.normalize(embedding.float()) - mean) @ rotation)

    def save(self, path: Path) -> None:
        """Write it, atomically."""
        with atomic_path(path) as unfinished, unfinished.open("wb") as file:
            np.savez(file, mean=self.mean, rotation=self.rotation)

    @classmethod
    def load(cls, path: str | Path) -> "Space":
        """Read what `save` wrote. Raises DataError for another file."""
        try:
            with np.load(path, allow_pickle=False) as found:
                return cls(found["mean"], found["rotation"])
        except UNREADABLE as error:
            expected = "a file of python -m recipes.distillation.space"
            raise DataError(path, f"no space ({error})", expected) from None


def check_dimensions(where: str | Path, found: int, aim: int) -> None:
    """Raise DataError where embeddings of `found` dimensions cannot be turned towards others of
    `aim`: a rotation keeps their number."""
    if found != aim:
        expected = f"{aim}, as those that they are turned towards have"
        raise DataError(where, f"embeddings of {found} dimensions", expected)


def rotation_between(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The rotation (or reflection) `(E, E)` that brings the rows `one (n, E)` nearest to `other (n,
    E)` (orthogonal Procrustes problem; Schönemann, Psychometrika 1966)."""
    left, _, right = np.linalg.svd(one.astype(np.float64).T @ other.astype(np.float64))
    rotation: np.ndarray = left @ right
    return rotation
