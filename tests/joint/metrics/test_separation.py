"""SI-SDR: equal to torchmetrics' where that is defined, finite where it is not."""

import pytest
import torch

from joint.metrics.separation import LIMIT, si_sdr_db, snr_db


@pytest.mark.parametrize("noise", [1e-3, 0.1, 1.0, 30.0])
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_equal_to_torchmetrics(noise: float, precision: torch.dtype):
    from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio

    torch.manual_seed(0)
    reference = torch.randn(4, 8000, dtype=precision)
    estimate = 0.3 * reference + noise * torch.randn_like(reference) + 0.05
    expected = scale_invariant_signal_distortion_ratio(estimate, reference)  # zero_mean=False
    tolerance = 2e-3 if precision == torch.float32 else 1e-5
    assert torch.allclose(si_sdr_db(estimate, reference), expected, atol=tolerance)


def test_a_hand_worked_case():
    # The reference is (1, 0), the estimate (3, 1): 3² of signal over 1² of distortion.
    value = si_sdr_db(torch.tensor([3.0, 1.0]), torch.tensor([1.0, 0.0]))
    assert value.ndim == 0
    assert value.item() == pytest.approx(9.5424, abs=1e-4)


def test_level_does_not_matter():
    torch.manual_seed(1)
    reference, noise = torch.randn(2, 4000)
    values = [si_sdr_db(gain * (reference + noise), reference) for gain in (1e-4, 1, -1, 1e3)]
    assert torch.allclose(torch.stack(values), values[1].expand(4), atol=1e-4)


def test_padding_is_ignored_where_lengths_are_given():
    torch.manual_seed(2)
    reference, estimate = torch.randn(2, 3, 4000)
    lengths = torch.tensor([4000, 2500, 1000])
    alone = [si_sdr_db(e[:n], r[:n]) for e, r, n in zip(estimate, reference, lengths, strict=True)]
    assert torch.allclose(si_sdr_db(estimate, reference, lengths), torch.stack(alone), atol=1e-4)


def test_silence_is_the_worst_and_the_reference_the_best():
    torch.manual_seed(3)
    reference = torch.randn(2, 4000)
    silence = torch.zeros(2, 4000)
    assert torch.allclose(si_sdr_db(silence, reference), torch.tensor(-LIMIT))
    assert torch.allclose(si_sdr_db(reference, silence), torch.tensor(-LIMIT))
    assert (si_sdr_db(silence, silence) <= 0).all()
    assert (si_sdr_db(reference, reference) > 90).all()


def test_gradients_are_finite_even_for_silence():
    reference = torch.randn(1, 4000)
    for estimate in (torch.zeros(1, 4000), reference.clone(), torch.randn(1, 4000)):
        estimate.requires_grad_(True)
        si_sdr_db(estimate, reference).sum().backward()
        assert estimate.grad is not None and estimate.grad.isfinite().all()


def test_half_precision_is_computed_in_float32():
    torch.manual_seed(4)
    reference = torch.randn(1, 4000).bfloat16()
    value = si_sdr_db(reference + torch.randn(1, 4000).bfloat16(), reference)
    assert value.dtype == torch.float32


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="estimate"):
        si_sdr_db(torch.zeros(2, 10), torch.zeros(2, 11))


def test_snr_equals_torchmetrics_and_hears_the_level():
    from torchmetrics.functional.audio import signal_noise_ratio

    torch.manual_seed(1)
    reference = torch.randn(4, 4000)
    estimate = reference + 0.3 * torch.randn(4, 4000)
    torch.testing.assert_close(snr_db(estimate, reference), signal_noise_ratio(estimate, reference))
    quieter = 0.1 * estimate
    torch.testing.assert_close(si_sdr_db(quieter, reference), si_sdr_db(estimate, reference))
    assert (snr_db(quieter, reference) < 1.0).all()


def test_snr_is_finite_for_silence():
    silence, speech = torch.zeros(1, 100), torch.ones(1, 100)
    assert float(snr_db(speech, speech)) == pytest.approx(LIMIT)
    assert float(snr_db(speech, silence)) == pytest.approx(-LIMIT)
    estimate = silence.clone().requires_grad_()
    snr_db(estimate, speech).sum().backward()
    assert estimate.grad.isfinite().all()
