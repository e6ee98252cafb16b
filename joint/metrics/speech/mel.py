"""Distance of two log-mel spectrograms."""

import math
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import torch

from joint.synthesis.mel import LogMel
from joint.units import Decibels

DECIBELS_PER_NEPER: Final[Decibels] = 20.0 / math.log(10.0)
"""What one unit of a natural logarithm of a magnitude is."""


class MelError(NamedTuple):
    """Mean absolute difference of the bands of all frames: of natural logarithms of magnitudes, and
    the same in dB."""

    natural_log: float
    decibels: Decibels


def mel_error(estimate: np.ndarray, reference: np.ndarray) -> MelError:
    """The mel error of `estimate (S,)` against `reference (S,)`, both at 16 kHz; over the frames of
    the shorter one where their lengths differ."""
    length = min(len(estimate), len(reference))
    pair = np.stack([estimate[:length], reference[:length]]).astype(np.float32)
    with torch.inference_mode():
        first, second = _log_mel()(torch.from_numpy(pair))
    error = float((first - second).abs().mean())
    return MelError(error, DECIBELS_PER_NEPER * error)


@cache
def _log_mel() -> LogMel:
    return LogMel()
