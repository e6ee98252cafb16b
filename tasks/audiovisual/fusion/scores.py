"""Fusion of the scores of voice and face, weighted by the quality of both."""

from dataclasses import dataclass

import numpy as np

from joint.metrics.calibration import Calibration
from tasks.audiovisual.items import Items, Modality


@dataclass(frozen=True)
class Unimodal:
    """Log-likelihood ratios of one modality: of the cosine and of the worse side's quality."""

    calibration: Calibration

    @classmethod
    def fit(
        cls, modality: Modality, first: np.ndarray, second: np.ndarray, labels: np.ndarray
    ) -> "Unimodal":
        """On trials of these rows, those with the modality on both sides; raises DataError as
        `Calibration.fit` does."""
        kept = modality.both(first, second)
        first, second = first[kept], second[kept]
        scores = modality.cosines(first, second)
        measures = _with_products(scores, modality.worse(first, second))
        return cls(Calibration.fit(scores, labels[kept], measures))

    def __call__(self, modality: Modality, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Natural log-likelihood ratios `(T,)`; 0, which says nothing, where it is missing on a
        side."""
        ratios = np.zeros(len(first))
        kept = modality.both(first, second)
        first, second = first[kept], second[kept]
        scores = modality.cosines(first, second)
        measures = _with_products(scores, modality.worse(first, second))
        ratios[kept] = self.calibration(scores, measures)
        return ratios


@dataclass(frozen=True)
class ScoreFusion:
    """Logistic regression on the log-likelihood ratios of both modalities, each of which knows its
    quality (after Sell et al., "Audio-visual person recognition in multimedia data from the IARPA
    Janus program", ICASSP 2018). Where one modality is missing it is the other's ratio."""

    voice: Unimodal
    face: Unimodal
    both: Calibration

    @classmethod
    def fit(
        cls, items: Items, first: np.ndarray, second: np.ndarray, labels: np.ndarray
    ) -> "ScoreFusion":
        """On trials of the rows `first` and `second (T,)` of `items`, and `labels (T,)`; raises
        DataError as `Calibration.fit` does."""
        voice = Unimodal.fit(items.voice, first, second, labels)
        face = Unimodal.fit(items.face, first, second, labels)
        kept = items.voice.both(first, second) & items.face.both(first, second)
        first, second = first[kept], second[kept]
        ratios = voice(items.voice, first, second), face(items.face, first, second)
        return cls(voice, face, Calibration.fit(ratios[0], labels[kept], ratios[1]))

    def __call__(self, items: Items, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Natural log-likelihood ratios `(T,)`; 0 where no modality is on both sides."""
        voice = self.voice(items.voice, first, second)
        face = self.face(items.face, first, second)
        both = items.voice.both(first, second) & items.face.both(first, second)
        return np.where(both, self.both(voice, face), voice + face)


def _with_products(scores: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """Quality, and its products with the score, `(T, 2 Q)`: how much a score says depends on it."""
    return np.hstack([quality, quality * scores[:, None]])
