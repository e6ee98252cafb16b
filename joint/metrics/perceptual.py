"""PESQ and STOI of one estimate, from the packages of their reference implementations."""

import math
import warnings
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from joint.units import SAMPLE_RATE, Hertz

_STOI_TOO_SHORT = 1e-5
"""The value that pystoi returns, with a warning, for too few speech frames."""


class Perceptual(NamedTuple):
    """PESQ (1 to 4.64) and STOI (about 0 to 1); NaN where one cannot be computed."""

    pesq: float
    stoi: float


def pesq_installed() -> bool:
    """Whether the optional package `pesq` is there; without it PESQ is NaN."""
    return find_spec("pesq") is not None


def perceptual(
    estimate: np.ndarray, reference: np.ndarray, sample_rate: Hertz = SAMPLE_RATE
) -> Perceptual:
    """PESQ and STOI (Taal et al. 2011) of `estimate (S,)` against `reference (S,)`, both at 16 or
    8 kHz; NaN where a measure finds too little speech.

    PESQ is wide-band (ITU-T P.862.2) at 16 kHz, narrow-band (P.862) at 8 kHz.
    """
    if not estimate.any():  # PESQ divides by the level of the estimate
        return Perceptual(math.nan, math.nan)
    pair = estimate, reference, sample_rate
    return Perceptual(pesq_score(*pair), _stoi(*pair))


def pesq_score(
    estimate: np.ndarray, reference: np.ndarray, sample_rate: Hertz = SAMPLE_RATE
) -> float:
    """PESQ alone, as `perceptual` has it; NaN where it cannot be computed or is not installed."""
    if not pesq_installed() or not estimate.any():
        return math.nan
    from pesq import PesqError, pesq

    band = "wb" if sample_rate == SAMPLE_RATE else "nb"
    try:
        return float(pesq(sample_rate, reference, estimate, band))
    except (PesqError, ValueError):  # ValueError: a level of NaN inside
        return math.nan


def _stoi(estimate: np.ndarray, reference: np.ndarray, sample_rate: Hertz) -> float:
    from pystoi import stoi  # imports scipy.stats, which is slow: only where it is used

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        value = float(stoi(reference, estimate, sample_rate))
    return math.nan if value == _STOI_TOO_SHORT else value
