"""What an extractor is trained on: SI-SDR as torchmetrics has it, spectral terms, absent people."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from joint.errors import ConfigError
from tasks.extraction.extractor import Estimate
from tasks.extraction.losses import ExtractionLoss

ALL_TERMS = {"compressed_weight": 1.0, "l1_weight": 1.0}


def signals(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two voices' worth of noise with a spectrum that falls, `(3, S)` each."""
    torch.manual_seed(seed)
    white = torch.fft.rfft(torch.randn(2, 3, 8000))
    falling = torch.fft.irfft(white / torch.arange(1, 4002).sqrt(), 8000)
    return tuple(0.05 * falling / falling.std())  # type: ignore[return-value]


def loss(estimate: Tensor, reference: Tensor, mixture: Tensor, **options: float) -> Tensor:
    progress = options.pop("progress", 1.0)
    criterion = ExtractionLoss(**options, window=512, hop=256)  # type: ignore[arg-type]
    value: Tensor = criterion(Estimate(estimate), reference, mixture, progress)
    assert value.shape == (len(mixture),)
    return value


def test_si_sdr_equals_torchmetrics() -> None:
    from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio

    target, other = signals()
    mixture = target + other
    estimate = target + torch.tensor([[0.03], [0.3], [3.0]]) * other
    expected = -scale_invariant_signal_distortion_ratio(estimate, target)
    torch.testing.assert_close(loss(estimate, target, mixture, ceiling_db=99.0), expected)
    ceiling = loss(estimate, target, mixture, ceiling_db=20.0)
    torch.testing.assert_close(ceiling, expected.clamp(min=-20.0))


def test_the_loss_falls_towards_the_reference() -> None:
    target, other = signals()
    for options in ({}, {"si_sdr_weight": 0.0, "si_sdr_start": 0.0, **ALL_TERMS}):
        shares = (1.0, 0.5, 0.1, 0.0)
        values = [loss(target + s * other, target, target + other, **options) for s in shares]
        for worse, better in pairwise(values):
            assert (better < worse).all()


def test_spectral_terms_of_the_reference_itself_are_zero() -> None:
    target, other = signals()
    spectral = {"si_sdr_weight": 0.0, "si_sdr_start": 0.0, **ALL_TERMS}
    assert loss(target, target, target + other, **spectral).abs().max() < 1e-6


@pytest.mark.parametrize("start, weight", [(0.0, 1.0), (0.5, 0.1), (1.0, 1.0)])
def test_the_weight_goes_from_start_to_end(start: float, weight: float) -> None:
    criterion = ExtractionLoss(si_sdr_start=start, si_sdr_weight=weight, rise=(0.2, 0.4))
    expected = {0.0: start, 0.2: start, 0.3: (start + weight) / 2, 0.4: weight, 1.0: weight}
    for progress, value in expected.items():
        assert criterion.weight_at(progress) == pytest.approx(value)
    target, other = signals()
    mixture = target + other
    options = {"si_sdr_start": start, "si_sdr_weight": weight, "progress": 0.0}
    ratio = loss(mixture, target, mixture)
    torch.testing.assert_close(loss(mixture, target, mixture, **options), start * ratio)


def test_loudness_does_not_matter() -> None:
    target, other = signals()
    mixture, estimate = target + other, target + 0.3 * other
    soft = loss(estimate, target, mixture, **ALL_TERMS)
    loud = loss(9 * estimate, 9 * target, 9 * mixture, **ALL_TERMS)
    torch.testing.assert_close(soft, loud, atol=1e-3, rtol=1e-4)


class TestAbsent:
    """The enrolled person is silent: the less comes out the better."""

    @pytest.mark.parametrize("options", [{}, ALL_TERMS], ids=["SI-SDR", "all terms"])
    def test_silence_is_best(self, options: dict[str, float]) -> None:
        target, other = signals()
        mixture, nothing = target + other, torch.zeros_like(target)
        shares = (1.0, 0.3, 0.01, 0.0)
        values = [loss(s * mixture, nothing, mixture, **options) for s in shares]
        for worse, better in pairwise(values):
            assert (better < worse).all()

    @pytest.mark.parametrize("level", [1e-3, 1.0, 30.0])
    def test_the_level_does_not_matter(self, level: float) -> None:
        """Neither whether somebody counts as present, nor the loss of those who are not."""
        target, other = signals()
        reference = torch.stack([target[0], torch.zeros(8000), target[2]])
        estimate, mixture = 0.3 * (target + other), target + other
        expected = loss(estimate, reference, mixture)
        found = loss(level * estimate, level * reference, level * mixture)
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-4)

    def test_a_weight_of_its_own(self) -> None:
        """From the first step on, whatever the weight of the SI-SDR; present people keep theirs."""
        target, other = signals()
        reference = torch.stack([target[0], torch.zeros(8000), target[2]])
        batch = 0.3 * (target + other), reference, target + other
        usual = loss(*batch)
        heavy = loss(*batch, absent_weight=3.0)
        torch.testing.assert_close(heavy, usual * torch.tensor([1.0, 3.0, 1.0]))
        first = loss(*batch, absent_weight=3.0, si_sdr_start=0.0, progress=0.0)
        torch.testing.assert_close(first, usual * torch.tensor([0.0, 3.0, 0.0]))

    def test_bounded_from_below(self) -> None:
        target, _ = signals()
        nothing = torch.zeros_like(target)
        torch.testing.assert_close(loss(nothing, nothing, target), torch.full((3,), -30.0))


@pytest.mark.parametrize("present", [True, False])
@pytest.mark.parametrize("level", [0.0, 1e-20, 1.0])
def test_gradients_are_finite(present: bool, level: float) -> None:
    target, other = signals()
    reference = target if present else torch.zeros_like(target)
    estimate = (level * other).requires_grad_()
    loss(estimate, reference, target + other, **ALL_TERMS).sum().backward()
    assert estimate.grad is not None and estimate.grad.isfinite().all()


def test_gradient_of_the_reference_itself_is_finite() -> None:
    target, other = signals()
    estimate = target.clone().requires_grad_()
    loss(estimate, target, target + other, **ALL_TERMS, ceiling_db=99.0).sum().backward()
    assert estimate.grad is not None and estimate.grad.isfinite().all()


def test_with_snr_the_level_of_those_who_are_present_counts() -> None:
    target, other = signals()
    mixture = target + other
    estimate = target + 0.1 * other
    whole, faint = (loss(e, target, mixture, ratio="snr") for e in (estimate, 0.1 * estimate))  # type: ignore[arg-type]
    assert (faint > whole + 10).all()
    torch.testing.assert_close(
        loss(estimate, target, mixture), loss(0.1 * estimate, target, mixture), rtol=1e-3, atol=1e-2
    )
    with pytest.raises(ConfigError, match=r"ratio.*si_sdr or snr"):
        ExtractionLoss(ratio="sdr")  # type: ignore[arg-type]
