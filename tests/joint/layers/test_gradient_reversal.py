"""Gradient reversal: identity forward, −λ times the gradient backward, λ on its schedule."""

import math

import pytest
import torch

from joint.errors import ConfigError
from joint.layers.gradient_reversal import GradientReversal


def test_identity_and_minus_lambda_exactly() -> None:
    layer = GradientReversal(strength=0.7, rise=0.0)
    x = torch.randn(5, 3, requires_grad=True)
    weight = torch.randn(5, 3)
    y = layer(x, 0.3)
    assert torch.equal(y, x)
    (y * weight).sum().backward()
    assert x.grad is not None and torch.equal(x.grad, weight * -0.7)


def test_schedule() -> None:
    layer = GradientReversal(strength=2.0, rise=10.0)
    assert layer.factor(0.0) == 0.0
    assert layer.factor(0.1) == pytest.approx(2.0 * math.tanh(0.5))
    assert layer.factor(1.0) == pytest.approx(2.0, abs=1e-3)
    assert GradientReversal(strength=2.0, rise=0.0).factor(0.0) == 2.0


def test_what_it_refuses() -> None:
    with pytest.raises(ConfigError, match="-1"):
        GradientReversal(strength=-1.0)
