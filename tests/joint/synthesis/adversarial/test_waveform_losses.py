"""Losses of a vocoder on values that can be followed by hand."""

import math

import pytest
import torch
from torch import Tensor

from joint.synthesis.adversarial.losses import (
    SpectralLoss,
    discriminator_loss,
    feature_loss,
    generator_loss,
)

REAL = [(torch.tensor([[2.0, 0.5]]), []), (torch.tensor([[0.0]]), [])]
MADE = [(torch.tensor([[-2.0, 0.5]]), []), (torch.tensor([[0.0]]), [])]


def test_hinge_losses() -> None:
    # the first discriminator: real 0 and 0.5, made 0 and 1.5; the second: 1 and 1
    assert float(discriminator_loss(REAL, MADE)) == pytest.approx(((0.25 + 0.75) + 2.0) / 2)
    # made scores are 3 and 0.5 below 1, and 1 below it
    assert float(generator_loss(MADE)) == pytest.approx((1.75 + 1.0) / 2)


def test_scores_beyond_the_margin_have_no_gradient() -> None:
    real = torch.tensor([[1.5, 0.5]], requires_grad=True)
    made = torch.tensor([[-1.5, -0.5]], requires_grad=True)
    discriminator_loss([(real, [])], [(made, [])]).backward()
    assert real.grad is not None and made.grad is not None
    assert real.grad.tolist() == [[0.0, -0.5]] and made.grad.tolist() == [[0.0, 0.5]]


def test_feature_loss_is_the_mean_over_layers() -> None:
    score = torch.zeros(1, 1)
    real = [(score, [torch.tensor([1.0, 2.0]), torch.zeros(4)]), (score, [torch.zeros(1)])]
    made = [(score, [torch.tensor([1.0, 4.0]), torch.ones(4)]), (score, [torch.ones(1)])]
    assert float(feature_loss(real, made)) == pytest.approx((1.0 + 1.0 + 1.0) / 3)


def test_features_of_real_speech_are_constants() -> None:
    real, made = (torch.tensor([v], requires_grad=True) for v in (1.0, 3.0))
    score = torch.zeros(1, 1)
    feature_loss([(score, [real])], [(score, [made])]).backward()
    assert real.grad is None and made.grad is not None


def test_spectral_loss_of_equals_is_zero(recordings: Tensor) -> None:
    assert float(SpectralLoss()(recordings, recordings)) == 0.0


def test_spectral_loss_of_twice_the_signal() -> None:
    """Convergence: |b - 2b| / |b| = 1; logarithms of magnitudes differ by ln 2."""
    noise = torch.randn(2, 8_000, generator=torch.Generator().manual_seed(0))
    loss = SpectralLoss()
    assert float(loss(2.0 * noise, noise)) == pytest.approx(1.0 + math.log(2.0), rel=1e-3)
    half = torch.stack([2.0 * noise[0], noise[1]])
    assert float(loss(half, noise)) == pytest.approx((1.0 + math.log(2.0)) / 2, rel=1e-3)


def test_silence_has_finite_gradients(recordings: Tensor) -> None:
    silence = torch.zeros_like(recordings).requires_grad_()
    SpectralLoss()(silence, recordings).backward()
    assert silence.grad is not None and silence.grad.isfinite().all()
    quiet = recordings.clone().requires_grad_()
    SpectralLoss()(quiet, torch.zeros_like(recordings)).backward()
    assert quiet.grad is not None and quiet.grad.isfinite().all()
