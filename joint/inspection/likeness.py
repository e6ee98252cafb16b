"""Whether one recording is another one, or most of it, wherever it begins there."""

import numpy as np

from joint.units import SAMPLE_RATE

SAME = 0.999
"""Correlation from which on two recordings are one: rounding to 16 bits, another level or a good
codec leave more."""
COVERED = 0.9
"""Share of a recording that must be in the other."""
PIECE = SAMPLE_RATE
"""Samples that are looked for."""


def is_in(recording: np.ndarray, other: np.ndarray) -> bool:
    """Whether `other (S2,)` holds nine tenths of `recording (S,)` or more, at any place, at any
    level. Neither is silent."""
    size = min(PIECE, len(recording) // 2)
    if len(other) < max(size, COVERED * len(recording)):
        return False
    begin = _loudest(recording, size)
    shift = _place(recording[begin : begin + size], other) - begin
    first, last = max(0, -shift), min(len(recording), len(other) - shift)
    if last - first < COVERED * len(recording):
        return False
    one, two = recording[first:last], other[first + shift : last + shift]
    power = np.linalg.norm(one) * np.linalg.norm(two)
    return bool(abs(np.dot(one, two)) > SAME * power > 0)


def _loudest(recording: np.ndarray, size: int) -> int:
    """Where the piece of `size` samples with the most energy begins, to a quarter of its length:
    not at an end, of which a tenth may be missing in the other recording."""
    missing = len(recording) - round(COVERED * len(recording))
    starts = range(missing, len(recording) - missing - size + 1, max(1, size // 4))
    return max(starts, key=lambda s: float(np.square(recording[s : s + size]).sum()))


def _place(piece: np.ndarray, other: np.ndarray) -> int:
    """Where `other` correlates most with the `piece`."""
    from scipy.signal import oaconvolve  # slow to import: only where lengths fit

    product = oaconvolve(other, piece[::-1], "valid")
    energy = np.concatenate([[0.0], np.cumsum(np.square(other, dtype=np.float64))])
    own = energy[len(piece) :] - energy[: -len(piece)]
    return int(np.argmax(np.abs(product) / np.sqrt(own + 1e-3 * own.max() + 1e-20)))
