"""Which phones a score rests on."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from analysis.saliency.cells import HOP
from joint.data.phones import PhoneIntervals


def salience_of_phones(
    maps: Iterable[tuple[np.ndarray, PhoneIntervals]], inventory: Sequence[str]
) -> Mapping[str, float]:
    """Mean salience of a frame of each phone, the most salient first, where 1 is the mean of its
    recording: `maps` pairs a map `(bands, frames)` with what is said."""
    total, frames = np.zeros(len(inventory)), np.zeros(len(inventory))
    for salience, intervals in maps:
        each = salience.mean(axis=0)
        each = each / max(float(each.mean()), 1e-12)
        places = np.searchsorted(intervals.ends, np.arange(len(each)) * HOP, side="right")
        phones = intervals.phones[np.minimum(places, len(intervals.phones) - 1)]
        known = phones >= 0
        np.add.at(total, phones[known], each[known])
        np.add.at(frames, phones[known], 1)
    heard = [i for i in range(len(inventory)) if frames[i]]
    ranked = sorted(heard, key=lambda i: -total[i] / frames[i])
    return {inventory[i]: float(total[i] / frames[i]) for i in ranked}
