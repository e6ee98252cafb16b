"""Distortion: what a device, a codec or an editor does to a finished recording."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from joint.errors import ConfigError


@dataclass(frozen=True)
class Distortion(ABC):
    """Changes a waveform with `probability`; the length and the time of what is left stay.

    Raises ConfigError for a probability outside 0 to 1.
    """

    probability: float = 0.1

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0:
            raise ConfigError("probability", str(self.probability), "0 to 1")

    @abstractmethod
    def __call__(self, waveform: np.ndarray, rng: Generator) -> np.ndarray:
        """`waveform (S,)` float32 at 16 kHz → `(S,)`; all that is random is drawn from `rng`."""


def refuse_range(name: str, bounds: Sequence[float], low: float, high: float) -> None:
    """Raise ConfigError where `bounds` are not two numbers within `low` to `high`, in order."""
    if len(bounds) != 2 or not low <= bounds[0] <= bounds[1] <= high:
        expected = f"two bounds within {low:g} to {high:g}, the lower one first"
        raise ConfigError(name, str(list(bounds)), expected)


def fitted(waveform: np.ndarray, length: int) -> np.ndarray:
    """`waveform`, cut or with zeros behind, as float32 `(length,)`."""
    cut = waveform[:length].astype(np.float32)
    return np.pad(cut, (0, length - len(cut)))
