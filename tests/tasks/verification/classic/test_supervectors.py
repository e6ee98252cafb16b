"""Supervectors: the KL kernel, what is projected away, the hyperplane of one utterance."""

import numpy as np
import pytest
import torch

from joint.errors import ConfigError, DataError
from tasks.verification.classic.gmm import Gmm
from tasks.verification.classic.supervectors import (
    SupervectorSvm,
    nuisance_directions,
    supervectors,
)

UBM = Gmm(
    torch.tensor([0.25, 0.75]),
    torch.tensor([[-10.0, 0.0], [10.0, 0.0]]),
    torch.tensor([[4.0, 1.0], [1.0, 9.0]]),
)


def test_the_scalar_product_is_the_kl_kernel() -> None:
    """Σ w (m - m₀)ᵀ Σ⁻¹ (m' - m₀) of the means m of the maximum likelihood estimates."""
    one = torch.tensor([[-8.0, 1.0], [-8.0, 3.0], [11.0, 3.0]])
    other = torch.tensor([[-12.0, 1.0], [10.0, -3.0]])
    found = supervectors(UBM, UBM.statistics([one, other]), 0.0)
    expected = 0.25 * (2.0 * -2.0 / 4 + 2.0 * 1.0 / 1) + 0.75 * (1.0 * 0.0 / 1 + 3.0 * -3.0 / 9)
    assert float(found[0] @ found[1]) == pytest.approx(expected, abs=1e-5)


def test_directions_of_differences_within_speakers() -> None:
    generator = torch.Generator().manual_seed(0)
    speakers = np.repeat(["a", "b", "c"], 6)
    vectors = 0.1 * torch.randn(18, 5, generator=generator)
    vectors[:, 0] += torch.arange(3).repeat_interleave(6) * 10.0  # who it is
    vectors[:, 3] += 2.0 * torch.randn(18, generator=generator)  # the channel
    directions = nuisance_directions(vectors, speakers, 2)
    torch.testing.assert_close(directions @ directions.T, torch.eye(2), atol=1e-4, rtol=0)
    assert abs(float(directions[1, 3])) > 0.99  # the largest is last
    assert nuisance_directions(vectors, speakers, 0).shape == (0, 5)
    with pytest.raises(DataError, match="18 recordings of 3 speakers; expected 16 more"):
        nuisance_directions(vectors, speakers, 16)


def utterance(x: float, y: float) -> torch.Tensor:
    """Frames whose mean is off each component's by x and y."""
    return UBM.means + torch.tensor([x, y])


def test_a_hyperplane_separates_one_from_the_others() -> None:
    """Of an enrolment alone against one other the plane lies half-way, at a margin of 1."""
    statistics = UBM.statistics([utterance(-1.0, 0.0)])
    system = SupervectorSvm(UBM, supervectors(UBM, statistics, 0.0), torch.zeros(0, 4), 0.0, 100.0)
    model = system.enroll(utterance(1.0, 0.0))
    scores = [float(system.score(model[None], utterance(x, 0.0))) for x in (1.0, 0.0, -1.0)]
    assert scores == pytest.approx([1.0, 0.0, -1.0], abs=1e-3)


def test_what_is_projected_away_does_not_count() -> None:
    statistics = UBM.statistics([utterance(-1.0, 0.0)])
    channel = supervectors(UBM, UBM.statistics([utterance(0.0, 1.0)]), 0.0)
    channel = channel / channel.norm()
    background = supervectors(UBM, statistics, 0.0)
    plain = SupervectorSvm(UBM, background, torch.zeros(0, 4), 0.0, 100.0)
    projected = SupervectorSvm(UBM, background, channel, 0.0, 100.0)
    shift = {}
    for name, system in {"plain": plain, "projected": projected}.items():
        model = system.enroll(utterance(1.0, 5.0))[None]
        near, far = utterance(1.0, 5.0), utterance(1.0, -5.0)
        shift[name] = float(system.score(model, near) - system.score(model, far))
    assert shift["plain"] > 1.0 and shift["projected"] == pytest.approx(0.0, abs=1e-3)


def test_a_cost_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="cost"):
        SupervectorSvm(UBM, torch.zeros(1, 4), torch.zeros(0, 4), cost=0.0)
