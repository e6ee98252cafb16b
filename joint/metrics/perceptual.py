"""PESQ and STOI of one estimate, from the packages of their reference implementations."""

import math
import warnings
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from joint.units import SAMPLE_RATE

_STOI_TOO_SHORT = 1e-5
"""The value that pystoi returns, with a warning, for too few speech frames."""


class Perceptual(NamedTuple):
    """Wide-band PESQ (1 to 4.64) and STOI (about 0 to 1); NaN where one cannot be computed."""

    pesq: float
    stoi: float


def pesq_installed() -> bool:
    """Whether the optional package `pesq` is there; without it PESQ is NaN."""
    return find_spec("pesq") is not None


def perceptual(estimate: np.ndarray, reference: np.ndarray) -> Perceptual:
    """PESQ (ITU-T P.862.2) and STOI (Taal et al. 2011) of `estimate (S,)` against
    `reference (S,)`, both at 16 kHz; NaN where a measure finds too little speech."""
    if not estimate.any():  # PESQ divides by the level of the estimate
        return Perceptual(math.nan, math.nan)
    return Perceptual(_pesq(estimate, reference), _stoi(estimate, reference))


def _pesq(estimate: np.ndarray, reference: np.ndarray) -> float:
    if not pesq_installed():
        return math.nan
    from pesq import PesqError, pesq

    try:
        return float(pesq(SAMPLE_RATE, reference, estimate, "wb"))
    except (PesqError, ValueError):  # ValueError: a level of NaN inside
        return math.nan


def _stoi(estimate: np.ndarray, reference: np.ndarray) -> float:
    from pystoi import stoi  # imports scipy.stats, which is slow: only where it is used

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        value = float(stoi(reference, estimate, SAMPLE_RATE))
    return math.nan if value == _STOI_TOO_SHORT else value
