"""Balances on losses whose gradients are known: one point in the plane is the encoder."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from joint.balancing.base import Balance, TaskLoss
from joint.balancing.gradnorm import GradNorm
from joint.balancing.norms import GradientNorms
from joint.balancing.surgery import GradientSurgery
from joint.balancing.uncertainty import UncertaintyWeighting
from joint.errors import ConfigError, TrainingError

NAMES = ("a", "b")


class Point(nn.Module):
    """An encoder of two numbers, and a parameter of each task's own."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(2))

    def losses(
        self,
        slopes: Sequence[tuple[float, float]],
        values: Sequence[float] = (1.0, 1.0),
        weights: Sequence[float] = (1.0, 1.0),
    ) -> tuple[list[TaskLoss], list[Tensor]]:
        """Losses with the gradient `slopes` by the place and 1 by a parameter of their own."""
        found, own = [], [torch.zeros((), requires_grad=True) for _ in slopes]
        for name, slope, value, weight, extra in zip(
            NAMES, slopes, values, weights, own, strict=True
        ):
            each = TaskLoss(name, weight, torch.zeros(()))
            read = each.share.of(self.place * 1.0)
            each.loss = value + read @ torch.tensor(slope) + extra
            found.append(each)
        return found, own


def gradient(
    balance: Balance, point: Point, losses: Sequence[TaskLoss]
) -> tuple[list[float], dict[str, float]]:
    total, factors = balance(losses, point)
    point.place.grad = None
    total.backward()
    assert point.place.grad is not None
    return point.place.grad.tolist(), factors


def test_surgery_projects_what_conflicts() -> None:
    """(1, 0) and (-1, 1) become (½, ½) and (0, 1)."""
    point = Point()
    losses, own = point.losses([(1.0, 0.0), (-1.0, 1.0)], weights=(1.0, 1.0))
    found, factors = gradient(GradientSurgery(NAMES), point, losses)
    assert found == pytest.approx([0.5, 1.5]) and factors == pytest.approx({"a": 2.0, "b": 1.5})
    assert [float(each.grad) for each in own if each.grad is not None] == [1.0, 1.0]


def test_surgery_leaves_what_agrees() -> None:
    point = Point()
    losses, _ = point.losses([(1.0, 0.0), (1.0, 1.0)], weights=(1.0, 0.5))
    assert gradient(GradientSurgery(NAMES), point, losses)[0] == pytest.approx([1.5, 0.5])


def test_surgery_lets_both_losses_fall() -> None:
    """Under the sum of the gradients the first loss would rise."""
    slopes = [(1.0, 0.0), (-3.0, 1.0)]
    point = Point()
    found, _ = gradient(GradientSurgery(NAMES), point, point.losses(slopes)[0])
    falls = [torch.tensor(found) @ torch.tensor(slope) for slope in slopes]
    assert min(falls) > 0 > torch.tensor(slopes).sum(dim=0) @ torch.tensor(slopes[0])


def test_gradient_norms_give_each_task_its_share() -> None:
    """Of weights 1 and 3, whatever losses are measured in; tasks' own parameters keep theirs."""
    point, balance = Point(), GradientNorms(NAMES, total=2.0)
    losses, own = point.losses([(100.0, 0.0), (0.0, 0.01)], weights=(1.0, 3.0))
    assert gradient(balance, point, losses)[0] == pytest.approx([0.5, 1.5])
    assert [float(each.grad) for each in own if each.grad is not None] == [1.0, 3.0]
    # the average forgets slowly: a gradient that is ten times as large for once counts
    losses, _ = point.losses([(1000.0, 0.0), (0.0, 0.01)], weights=(1.0, 3.0))
    usual = (0.99 * 100 + 1000) / 1.99
    assert gradient(balance, point, losses)[0] == pytest.approx([0.5 * 1000 / usual, 1.5])


def test_a_task_without_gradient_is_not_measured() -> None:
    point, balance = Point(), GradientNorms(NAMES)
    found, _ = gradient(balance, point, point.losses([(2.0, 0.0), (0.0, 0.0)])[0])
    assert found == pytest.approx([0.5, 0.0])
    found, _ = gradient(balance, point, point.losses([(2.0, 0.0), (0.0, 4.0)])[0])
    assert found == pytest.approx([0.5, 0.5])


def test_gradnorm_moves_norms_together() -> None:
    """Norms 1 and 3: their mean is 2, the slopes -1/2 and 3/2, the sum of the factors stays 2."""
    point, balance = Point(), GradNorm(NAMES, alpha=0.0, rate=0.1, every=1)
    _, factors = gradient(balance, point, point.losses([(1.0, 0.0), (0.0, 3.0)])[0])
    assert factors == pytest.approx({"a": 2 * 1.05 / 1.9, "b": 2 * 0.85 / 1.9})
    balance.rate = 0.01
    for _ in range(150):
        found, factors = gradient(balance, point, point.losses([(1.0, 0.0), (0.0, 3.0)])[0])
    assert factors["a"] / factors["b"] == pytest.approx(3.0, rel=0.1)
    assert found[0] == pytest.approx(factors["a"])


def test_gradnorm_favours_the_task_that_learns_slowly() -> None:
    point, balance = Point(), GradNorm(NAMES, alpha=1.0, rate=0.1, every=1)
    slopes = [(1.0, 0.0), (0.0, 1.0)]
    _, factors = gradient(balance, point, point.losses(slopes, (2.0, 2.0))[0])
    assert factors == {"a": 1.0, "b": 1.0}
    _, factors = gradient(balance, point, point.losses(slopes, (1.0, 2.0))[0])
    assert factors["a"] < 1.0 < factors["b"] and sum(factors.values()) == pytest.approx(2.0)


def test_uncertainty_weighs_by_the_loss() -> None:
    """It begins where it stands still; a loss that has doubled asks for twice the variance."""
    point, balance = Point(), UncertaintyWeighting(NAMES)
    slopes = [(1.0, 0.0), (0.0, 1.0)]
    found, _ = gradient(balance, point, point.losses(slopes, (2.0, 0.5), (1.0, 0.3))[0])
    assert found == pytest.approx([0.5, 0.3 * 2.0])
    assert balance.log_variances.grad is not None
    assert balance.log_variances.grad.tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    balance.log_variances.grad = None
    gradient(balance, point, point.losses(slopes, (4.0, 0.5), (1.0, 0.3))[0])
    assert balance.log_variances.grad.tolist() == pytest.approx([-1.0, 0.0], abs=1e-6)
    optimizer = torch.optim.SGD([balance.log_variances], lr=0.5)
    for _ in range(60):
        optimizer.zero_grad()
        gradient(balance, point, point.losses(slopes, (4.0, 0.5))[0])
        optimizer.step()
    found, _ = gradient(balance, point, point.losses(slopes, (4.0, 0.5))[0])
    assert found == pytest.approx([0.25, 2.0], rel=1e-3)


def test_losses_in_decibels_may_be_negative() -> None:
    point, slopes = Point(), [(1.0, 0.0), (0.0, 1.0)]
    balance = UncertaintyWeighting(NAMES, decibels=["a"])
    found, _ = gradient(balance, point, point.losses(slopes, (-10.0, 1.0))[0])
    assert found == pytest.approx([0.2302585, 1.0])
    for made in (UncertaintyWeighting(NAMES), GradNorm(NAMES)):
        with pytest.raises(TrainingError, match=r"tasks\.a: found a loss of -10; .*decibels"):
            made(point.losses(slopes, (-10.0, 1.0))[0], point)


def test_what_cannot_be_balanced() -> None:
    with pytest.raises(ConfigError, match=r"balance: found 1 tasks .*; expected two or more"):
        GradientSurgery(["a"])
    with pytest.raises(ConfigError, match=r"balance\.decibels: found bb; expected b"):
        GradNorm(NAMES, decibels=["bb"])
    point = Point()
    losses, _ = point.losses([(1.0, 0.0), (0.0, 1.0)])
    point.requires_grad_(False)
    with pytest.raises(ConfigError, match="every part is frozen"):
        GradientSurgery(NAMES)(losses, point)
