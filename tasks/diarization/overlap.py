"""Overlapped speech, and who else talks in it."""

from collections.abc import Sequence

import numpy as np

from joint.data.scenes.activity import stretches
from joint.directions import unit
from joint.inspection.speech import Region
from tasks.diarization.segmentation.windows import LocalActivity
from tasks.diarization.windows import Window


def overlapped(local: LocalActivity) -> list[Region]:
    """Where two or more talk, by the mean of the windows, in order."""
    border = local.offset - local.hop // 2
    return [
        Region(max(0, border + int(start) * local.hop), border + int(end) * local.hop)
        for start, end in stretches(local.talking() > 1)
    ]


def second_speakers(
    windows: Sequence[Window],
    labels: np.ndarray,
    embeddings: np.ndarray,
    centroids: np.ndarray,
    regions: Sequence[Region],
) -> list[list[Region]]:
    """For each of K clusters what it has of overlapped `regions` besides its own windows.

    Each moment has the speaker of its window, and in overlap the one of the other clusters whose
    centroid, of `centroids (K, E)`, is nearest to the window's of `embeddings (n, E)`: the second
    most likely speaker, as in Bullock, Bredin and Garcia-Perera, "Overlap-aware diarization",
    ICASSP 2020. A single cluster has nobody besides it.
    """
    found: list[list[Region]] = [[] for _ in centroids]
    if len(centroids) < 2:
        return found
    cosines = unit(embeddings) @ unit(centroids).T
    cosines[np.arange(len(labels)), labels] = -np.inf
    others = cosines.argmax(axis=1)
    for (_, part), other in zip(windows, others.tolist(), strict=True):
        for start, end in regions:
            if start < part.end and part.start < end:
                found[other].append(Region(max(start, part.start), min(end, part.end)))
    return found
