"""Total variability and joint factor analysis: textbook posteriors, planted subspaces found."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from scipy.stats import multivariate_normal
from torch import Tensor

from joint.errors import DataError
from joint.metrics.detection import eer
from tasks.verification.backends.scoring import score_trials
from tasks.verification.classic.factor_analysis import (
    JointFactorAnalysis,
    LinearScoring,
    PointScoring,
)
from tasks.verification.classic.gmm import Statistics
from tasks.verification.classic.total_variability import Subspace

C, D, R = 4, 5, 3


def statistics_around(offsets: Tensor, seed: int, frames: float = 40.0) -> Statistics:
    """As frames with unit covariance around means that are moved by `offsets (B, C, D)` give."""
    generator = torch.Generator().manual_seed(seed)
    zero = frames * (0.5 + torch.rand(len(offsets), C, generator=generator))
    noise = torch.randn(offsets.shape, generator=generator) * zero.sqrt()[:, :, None]
    return Statistics(zero, zero[:, :, None] * offsets + noise)


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def largest_angle(found: Subspace, planted: Tensor) -> float:
    """Between the spaces that both loadings span, in degrees."""
    angles = subspace_angles(found.loading.flatten(0, 1).numpy(), planted.flatten(0, 1).numpy())
    return float(np.degrees(angles.max()))


def double(statistics: Statistics) -> Statistics:
    return Statistics(statistics.zero.double(), statistics.first.double())


def test_the_posterior_is_the_textbooks() -> None:
    subspace = Subspace(random(C, D, R, seed=0))
    statistics = statistics_around(random(2, C, D, seed=1), seed=2)
    found = subspace.posterior(statistics)
    total = subspace.loading.flatten(0, 1).double().numpy()
    for row in range(2):
        counts = np.diag(np.repeat(statistics.zero[row].double().numpy(), D))
        precision = np.eye(R) + total.T @ counts @ total
        first = statistics.first[row].flatten().double().numpy()
        mean = np.linalg.inv(precision) @ total.T @ first
        np.testing.assert_allclose(found.mean[row], mean, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(found.covariance[row], np.linalg.inv(precision), rtol=1e-3)
        # Means of n frames have covariance 1/n around the offset, which has TTᵀ itself.
        deviations = first / counts.diagonal()
        alone, moved = np.linalg.inv(counts), np.linalg.inv(counts) + total @ total.T
        ratio = multivariate_normal(cov=moved).logpdf(deviations)
        ratio -= multivariate_normal(cov=alone).logpdf(deviations)
        assert float(found.log_likelihood[row]) == pytest.approx(ratio, rel=1e-3)
    torch.testing.assert_close(subspace.factors(statistics), found.mean)
    moved = subspace.offsets(found.mean)
    torch.testing.assert_close(moved[1], subspace.loading @ found.mean[1])


def test_the_likelihood_never_falls() -> None:
    planted = random(C, D, R, seed=3)
    offsets = torch.einsum("cdr,br->bcd", planted, random(200, R, seed=4))
    statistics = double(statistics_around(offsets, seed=5))
    subspace, values = Subspace(0.1 * random(C, D, R, seed=6).double()), []
    for _ in range(15):
        subspace, likelihood = subspace.step(statistics)
        values.append(likelihood)
    # where it has arrived, it moves by what float64 rounds
    assert all(after > before - 1e-8 for before, after in pairwise(values))
    assert values[-1] > values[0] + 100


def test_total_variability_finds_a_planted_subspace() -> None:
    planted = random(C, D, R, seed=7)
    factors = random(400, R, seed=8)
    statistics = statistics_around(torch.einsum("cdr,br->bcd", planted, factors), seed=9)
    found = Subspace.fit(statistics, R)
    assert largest_angle(found, planted) < 2.0
    covariance = found.loading.flatten(0, 1) @ found.loading.flatten(0, 1).T
    expected = planted.flatten(0, 1) @ planted.flatten(0, 1).T
    assert float((covariance - expected).norm() / expected.norm()) < 0.2
    again = Subspace.fit(statistics, R)
    assert torch.equal(found.loading, again.loading)


def test_a_component_that_nobody_uses_keeps_its_loading() -> None:
    statistics = statistics_around(random(30, C, D, seed=10), seed=11)
    zero, first = statistics.zero.clone(), statistics.first.clone()
    zero[:, 2], first[:, 2] = 0.0, 0.0
    found = Subspace.fit(Statistics(zero, first), 2)
    assert torch.isfinite(found.loading).all()


def conversations() -> tuple[Statistics, np.ndarray, Tensor, Tensor]:
    """Utterances of 200 speakers, 20 each, with planted V, U and a rest with deviation 0.3."""
    voice, channel = random(C, D, 2, seed=12), random(C, D, 2, seed=13)
    speakers = np.repeat(np.arange(200), 20)
    y, x = random(200, 2, seed=14)[torch.from_numpy(speakers)], random(len(speakers), 2, seed=15)
    offsets = torch.einsum("cdr,br->bcd", voice, y) + torch.einsum("cdr,br->bcd", channel, x)
    own = 0.3 * random(200, C, D, seed=16)[torch.from_numpy(speakers)]
    return statistics_around(offsets + own, seed=17), speakers, voice, channel


def test_factor_analysis_finds_both_planted_subspaces() -> None:
    statistics, speakers, voice, channel = conversations()
    found = JointFactorAnalysis.fit(statistics, speakers, 2, 2)
    assert largest_angle(found.speaker, voice) < 8.0
    assert largest_angle(found.channel, channel) < 8.0
    assert 0.2 < float(found.residual.abs().mean()) < 0.4


def test_scores_look_past_the_channel() -> None:
    statistics, speakers, voice, channel = conversations()
    first, second = np.triu_indices(600, k=1)
    labels = speakers[first] == speakers[second]
    errors = []
    for seen in (channel, 1e-6 * channel):
        model = JointFactorAnalysis(Subspace(voice), Subspace(seen), torch.full((C, D), 0.3))
        embedded = model.embed(statistics[:600]).numpy()
        assert embedded.shape == (600, 2 * C * D + C)
        for backend in (PointScoring(C), LinearScoring(C)):
            scores = score_trials(backend, embedded, first, second)
            errors.append(eer(scores, labels).percent)
    point, linear, point_without, linear_without = errors
    assert point < 0.85 * point_without and linear < 0.85 * linear_without
    assert point < 0.85 * linear < 30


def test_scores_are_those_of_the_formulas() -> None:
    statistics, _, voice, channel = conversations()
    model = JointFactorAnalysis(Subspace(voice), Subspace(channel), torch.full((C, D), 0.3))
    both = statistics[:2]
    embedded = model.embed(both).numpy()
    own, frames = embedded[:, : 2 * C * D].reshape(2, 2, C, D).swapaxes(0, 1)
    shares = both.zero.numpy() / both.zero.numpy().sum(axis=1, keepdims=True)
    linear = [(own[a] * frames[1 - a]).sum() for a in (0, 1)]
    point = [linear[a] - 0.5 * ((own[a] ** 2).sum(axis=1) @ shares[1 - a]) for a in (0, 1)]
    first, second = np.array([0, 1]), np.array([1, 0])
    for backend, expected in ((LinearScoring(C), linear), (PointScoring(C), point)):
        found = score_trials(backend, embedded, first, second)
        np.testing.assert_allclose(found, [np.mean(expected)] * 2, rtol=1e-4)
    # one utterance against itself: the densities' ratio of its frames around either mean
    row = 0
    counts = both.zero[row].numpy()[:, None]
    moved = frames[row] / shares[row][:, None]
    ratio = counts * (moved**2 - (moved - own[row]) ** 2) / 2
    assert score_trials(PointScoring(C), embedded, first[:1], first[:1])[0] == pytest.approx(
        ratio.sum() / counts.sum(), rel=1e-4
    )


def test_data_that_no_subspace_can_learn_from() -> None:
    statistics = statistics_around(random(6, C, D, seed=18), seed=19)
    with pytest.raises(DataError, match="total variability: found 7 factors; expected 1 to 6"):
        Subspace.fit(statistics, 7)
    with pytest.raises(DataError, match="JFA: found one utterance of each speaker"):
        JointFactorAnalysis.fit(statistics, np.arange(6), 2, 2)
    with pytest.raises(DataError, match="JFA: found 1 speakers"):
        JointFactorAnalysis.fit(statistics, np.zeros(6), 1, 2)
    with pytest.raises(DataError, match="eigenvoices: found 4 factors; expected 1 to 3"):
        JointFactorAnalysis.fit(statistics, np.repeat(np.arange(3), 2), 4, 2)
