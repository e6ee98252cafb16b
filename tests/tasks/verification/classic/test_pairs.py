"""Both directions of a trial, cohorts, and utterances that are too short."""

import numpy as np
import pytest
import torch
from torch import Tensor

from joint.errors import DataError
from tasks.verification.classic.features import Speech
from tasks.verification.classic.pairs import Enrolled, cohort_pairs, score_pairs
from tasks.verification.classic.vq import VqCodebooks


class Lopsided:
    """The model is the sum of the frames, the score that times the first frame."""

    def enroll(self, frames: Tensor) -> Tensor:
        return frames.sum(dim=0)

    def score(self, models: Tensor, frames: Tensor) -> Tensor:
        return models @ frames[0]


def speech(seed: int, lengths: tuple[int, ...] = (3, 5, 4, 6)) -> Speech:
    frames = torch.randn(sum(lengths), 2, generator=torch.Generator().manual_seed(seed))
    names = [f"u{n}" for n in range(len(lengths))]
    return Speech(names, frames, torch.tensor(lengths), np.ones(len(lengths)))


def expected(one: Tensor, other: Tensor) -> float:
    return 0.5 * float(one.sum(dim=0) @ other[0] + other.sum(dim=0) @ one[0])


def test_scores_are_the_mean_of_both_directions() -> None:
    system, tested = Lopsided(), speech(0)
    enrolled = Enrolled.of(system, tested)
    first, second = np.array([0, 2, 3, 1, 0]), np.array([1, 1, 0, 0, 0])
    parts = tested.utterances()
    found = score_pairs(system, enrolled, enrolled, first, second)
    wanted = [expected(parts[a], parts[b]) for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_a_cohort_meets_everybody() -> None:
    system, tested, others = Lopsided(), speech(0), speech(1, (3, 3, 4))
    found = cohort_pairs(system, Enrolled.of(system, tested), Enrolled.of(system, others))
    scores = np.array([[expected(a, b) for b in others.utterances()] for a in tested.utterances()])
    np.testing.assert_allclose(found.mean, scores.mean(axis=1), rtol=1e-4)
    np.testing.assert_allclose(found.deviation, scores.std(axis=1), rtol=1e-4)
    with pytest.raises(DataError, match="cohort: found 1 utterances"):
        cohort_pairs(system, Enrolled.of(system, tested), Enrolled.of(system, speech(1, (3,))))


def test_an_utterance_too_short_for_a_model_is_named() -> None:
    with pytest.raises(DataError, match="u0: found 3 frames for 4 centroids"):
        Enrolled.of(VqCodebooks(torch.ones(2), torch.zeros(1, 2), size=4), speech(0))
