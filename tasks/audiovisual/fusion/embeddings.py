"""Scores of fused embeddings, compared by what both sides of a trial have."""

from dataclasses import dataclass

import numpy as np
import torch

from joint.metrics.calibration import Calibration
from tasks.audiovisual.fusion.networks import FusionNetwork
from tasks.audiovisual.items import Items

KINDS = ((True, True), (True, False), (False, True))
"""Whether voice and face are on both sides of a trial."""


@dataclass(frozen=True)
class EmbeddingFusion:
    """A trained network, and the calibration of cosines for each of `KINDS`: those of two fused
    embeddings are not on the scale of those of two voices."""

    network: FusionNetwork
    calibrations: tuple[Calibration, ...]

    @classmethod
    def fit(
        cls,
        network: FusionNetwork,
        items: Items,
        first: np.ndarray,
        second: np.ndarray,
        labels: np.ndarray,
    ) -> "EmbeddingFusion":
        """Calibrate on trials of the rows `first` and `second (T,)`, all of which have both
        modalities, and `labels (T,)`; raises DataError as `Calibration.fit` does."""
        found = [Calibration.fit(_cosines(network, items, first, second, k), labels) for k in KINDS]
        return cls(network, tuple(found))

    def __call__(self, items: Items, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Natural log-likelihood ratios `(T,)`; where one side lacks a modality both are embedded
        without it, and 0 where no modality is on both."""
        ratios = np.zeros(len(first))
        voice, face = items.voice.both(first, second), items.face.both(first, second)
        for kind, calibration in zip(KINDS, self.calibrations, strict=True):
            own = (voice == kind[0]) & (face == kind[1])
            cosines = _cosines(self.network, items, first[own], second[own], kind)
            ratios[own] = calibration(cosines)
        return ratios


@torch.no_grad()
def _cosines(
    network: FusionNetwork,
    items: Items,
    first: np.ndarray,
    second: np.ndarray,
    kind: tuple[bool, bool],
) -> np.ndarray:
    """Of fused embeddings with the modalities of `kind` alone, `(T,)`."""
    read = (items.voice.embeddings, items.face.embeddings, items.quality)
    present = (torch.full((len(items.person),), there) for there in kind)
    points = network(*(torch.from_numpy(rows).float() for rows in read), *present)
    cosines: np.ndarray = (points[first] * points[second]).sum(dim=1).double().numpy()
    return cosines
