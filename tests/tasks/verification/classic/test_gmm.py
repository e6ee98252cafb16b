"""Mixtures: the likelihood rises, a known one is found, statistics and MAP are what they say."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from torch import Tensor

from joint.errors import ConfigError, DataError
from tasks.verification.classic.gmm import Gmm, Statistics
from tasks.verification.classic.gmm_ubm import GmmUbm, map_offsets


def known() -> Gmm:
    means = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 5.0]])
    variances = torch.tensor([[1.0, 0.25], [0.5, 1.0], [0.3, 0.6]])
    return Gmm(torch.tensor([0.5, 0.3, 0.2]), means, variances)


def joint_density(frames: Tensor) -> Tensor:
    """w_c N(x; m_c, v_c) of the known mixture, `(N, C)`."""
    parts = zip(known().weights, known().means, known().variances, strict=True)
    x = frames.numpy()
    columns = [float(w) * multivariate_normal(m, np.diag(v)).pdf(x) for w, m, v in parts]
    return torch.from_numpy(np.stack(columns, axis=1)).float()


def drawn(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    component = torch.multinomial(known().weights, count, True, generator=generator)
    noise = torch.randn(count, 2, generator=generator)
    return known().means[component] + known().variances[component].sqrt() * noise


def test_log_likelihood_is_the_density() -> None:
    frames = drawn(50)
    expected = joint_density(frames).sum(dim=1).log()
    torch.testing.assert_close(known().log_likelihood(frames), expected)


def test_training_finds_the_mixture_that_drew_the_data() -> None:
    found = Gmm.fit(drawn(20_000), 3, iterations=20)
    order = torch.cdist(known().means, found.means).argmin(dim=1)
    assert sorted(order.tolist()) == [0, 1, 2]
    torch.testing.assert_close(found.means[order], known().means, atol=0.08, rtol=0)
    torch.testing.assert_close(found.variances[order], known().variances, atol=0.05, rtol=0)
    torch.testing.assert_close(found.weights[order], known().weights, atol=0.02, rtol=0)


@pytest.mark.parametrize("floor", [1e-4, 0.5])
def test_the_likelihood_never_falls(floor: float) -> None:
    frames = drawn(400, seed=1).double()
    mixture = Gmm(torch.full((6,), 1 / 6).double(), frames[:6].clone(), torch.ones(6, 2).double())
    values = []
    for _ in range(25):
        values.append(float(mixture.log_likelihood(frames).mean()))
        mixture = mixture.step(frames, torch.full((2,), floor).double())
    assert float(mixture.variances.min()) >= floor
    # The first step moves the variances up to the floor, from where it holds.
    assert all(after >= before - 1e-9 for before, after in pairwise(values[1:]))
    assert values[-1] > values[1] + 0.05


def test_frames_that_are_all_alike_in_a_component_leave_its_variance_at_the_floor() -> None:
    frames = torch.cat([torch.zeros(200, 2), drawn(400) + 50])
    found = Gmm.fit(frames, 2, iterations=5)
    torch.testing.assert_close(found.variances.amin(dim=0), 0.01 * frames.var(dim=0, correction=0))


def test_statistics_are_sums_over_frames() -> None:
    utterances = drawn(30).split([10, 20])
    found = known().statistics(utterances)
    for row, frames in enumerate(utterances):
        joint = joint_density(frames)
        share = joint / joint.sum(dim=1, keepdim=True)
        away = (frames[:, None] - known().means) / known().variances.sqrt()
        torch.testing.assert_close(found.zero[row], share.sum(dim=0))
        torch.testing.assert_close(found.first[row], (share[:, :, None] * away).sum(dim=0))
    pooled = found.pooled(torch.tensor([0, 0]))
    torch.testing.assert_close(pooled.first[0], found.first.sum(dim=0))
    torch.testing.assert_close(pooled.zero[0], found.zero.sum(dim=0))


def test_relevance_goes_from_maximum_likelihood_to_the_background_model() -> None:
    frames = drawn(40)
    statistics = known().statistics([frames])
    likeliest = known().means + map_offsets(statistics, 0.0)[0] * known().variances.sqrt()
    share = known().log_joint(frames).softmax(dim=1)
    torch.testing.assert_close(likeliest, (share.T @ frames) / share.sum(dim=0)[:, None])
    assert map_offsets(statistics, math.inf).abs().max() == 0
    without_frames = Statistics(torch.zeros(1, 3), torch.zeros(1, 3, 2))
    assert map_offsets(without_frames, 0.0).abs().max() == 0
    half = map_offsets(Statistics(torch.full((1, 3), 8.0), torch.full((1, 3, 2), 16.0)), 8.0)
    torch.testing.assert_close(half, torch.ones(1, 3, 2))


def test_scores_of_all_components_are_log_likelihood_ratios() -> None:
    enrolment, frames = drawn(60, seed=2)[:30] + 0.3, drawn(60, seed=3)
    system = GmmUbm(known(), relevance=4.0, top=9)
    model = system.enroll(enrolment)
    adapted = Gmm(
        known().weights, known().means + model * known().variances.sqrt(), known().variances
    )
    expected = (adapted.log_likelihood(frames) - known().log_likelihood(frames)).mean()
    found = system.score(torch.stack([torch.zeros_like(model), model]), frames)
    torch.testing.assert_close(found, torch.stack([torch.tensor(0.0), expected]))


def test_data_and_settings_that_no_mixture_can_learn_from() -> None:
    with pytest.raises(
        DataError, match="100 frames for 6 components; expected at least 20 for each"
    ):
        Gmm.fit(drawn(100), 6)
    with pytest.raises(DataError, match="the constant feature 1"):
        Gmm.fit(drawn(100) * torch.tensor([1.0, 0.0]), 2)
    broken = drawn(100)
    broken[3, 0] = math.nan
    with pytest.raises(DataError, match="NaN"):
        Gmm.fit(broken, 2)
    with pytest.raises(ConfigError, match="relevance: found -1"):
        GmmUbm(known(), relevance=-1.0)
    with pytest.raises(ConfigError, match="top: found 0"):
        GmmUbm(known(), top=0)
