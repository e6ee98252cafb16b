"""Scoring for systems that have a model of one side and frames of the other: the mean of both
directions."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from joint.errors import DataError
from joint.training.progress import shown
from tasks.verification.backends.normalization import CohortStatistics
from tasks.verification.classic.features import Speech


class PairSystem(Protocol):
    """A system without embeddings: a model of one utterance scores the frames of another."""

    def enroll(self, frames: Tensor) -> Tensor:
        """The model of one utterance `(n, D)`."""

    def score(self, models: Tensor, frames: Tensor) -> Tensor:
        """Scores `(M,)` of `M` models on one utterance `(n, D)`, higher for the same speaker."""


@dataclass(frozen=True)
class Enrolled:
    """Utterances and their models `(B, …)`."""

    speech: Speech
    models: Tensor

    @classmethod
    @torch.inference_mode()
    def of(cls, system: PairSystem, speech: Speech, progress: bool = False) -> "Enrolled":
        """Enrol each utterance. Raises DataError for one that is too short for a model."""
        models = []
        listed = zip(speech.names, speech.utterances(), strict=True)
        for name, frames in shown(listed, "enrolment", progress, len(speech.names)):
            try:
                models.append(system.enroll(frames))
            except DataError as error:
                raise DataError(name, error.found, error.expected) from error
        return cls(speech, torch.stack(models))


def score_pairs(
    system: PairSystem,
    one: Enrolled,
    other: Enrolled,
    first: np.ndarray,
    second: np.ndarray,
    progress: bool = False,
) -> np.ndarray:
    """Scores `(T,)` of rows `first (T,)` of `one` and `second (T,)` of `other`: the mean score of
    each side's model on the frames of the other."""
    there = _directed(system, one, other, first, second, progress)
    return 0.5 * (there + _directed(system, other, one, second, first, progress))


@torch.inference_mode()
def _directed(
    system: PairSystem,
    enrolment: Enrolled,
    test: Enrolled,
    models: np.ndarray,
    frames: np.ndarray,
    progress: bool,
) -> np.ndarray:
    scores = np.empty(len(models), dtype=np.float32)
    order = np.argsort(frames, kind="stable")
    rows, starts = np.unique(frames[order], return_index=True)
    utterances = test.speech.utterances()
    trials = zip(rows, np.split(order, starts[1:]), strict=True)
    for row, positions in shown(trials, "trials", progress, len(rows)):
        chosen = enrolment.models[torch.from_numpy(models[positions])]
        scores[positions] = system.score(chosen, utterances[row]).numpy()
    return scores


def cohort_pairs(
    system: PairSystem, one: Enrolled, cohort: Enrolled, progress: bool = False
) -> CohortStatistics:
    """Statistics of every utterance of `one` against all of `cohort`, for S-norm."""
    n, m = len(one.models), len(cohort.models)
    if m < 2:
        raise DataError("cohort", f"{m} utterances", "at least 2")
    first, second = np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
    scores = score_pairs(system, one, cohort, first, second, progress).reshape(n, m)
    return CohortStatistics(scores.mean(axis=1), np.maximum(scores.std(axis=1), 1e-8))
