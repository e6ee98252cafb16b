"""TF-Map: a frame that holds the target alone gives the target's spectrum back."""

import pytest
import torch
from torch import Tensor

from joint.conditioning.tf_map import TfMap

BINS = 12


def everything(enrollment: Tensor) -> Tensor:
    return torch.ones(enrollment.shape[:2], dtype=torch.bool)


def vowels() -> Tensor:
    """Three spectra that have no bin in common, `(3, BINS)`."""
    spectra = torch.zeros(3, BINS)
    for i in range(3):
        spectra[i, 4 * i : 4 * i + 4] = torch.tensor([1.0, 0.5, 2.0, 0.25])
    return spectra


@pytest.mark.parametrize("sharpness", [1.0, 10.0])
def test_the_target_s_spectrum_alone_gives_that_spectrum(sharpness: float) -> None:
    """At any level, as the paper has it: the enrolment is one sustained vowel."""
    spectrum = vowels()[0] + 0.3
    levels = torch.tensor([0.1, 1.0, 7.0])[:, None]
    mixture = (levels * spectrum)[None]
    enrollment = (torch.tensor([0.5, 2.0, 1.0, 30.0])[:, None] * spectrum)[None]
    expected = TfMap(sharpness)(mixture, enrollment, everything(enrollment))
    torch.testing.assert_close(expected, mixture, atol=1e-5, rtol=1e-4)


def test_a_frame_finds_its_own_spectrum_among_others() -> None:
    enrollment = vowels()[[0, 1, 2, 1, 0, 2, 2]][None]
    mixture = 3.0 * vowels()[[2, 0, 1]][None]
    expected = TfMap(sharpness=30.0)(mixture, enrollment, everything(enrollment))
    torch.testing.assert_close(expected, mixture, atol=1e-4, rtol=1e-4)


def test_what_the_target_never_has_is_left_out() -> None:
    """The mixture holds a vowel of the target and a sound beside it that no enrolment has."""
    enrollment, beside = vowels()[[0, 1]][None], vowels()[2]
    mixture = (vowels()[0] + beside)[None, None]
    expected = TfMap(sharpness=30.0)(mixture, enrollment, everything(enrollment))
    assert (expected[0, 0, 8:] == 0).all()
    torch.testing.assert_close(expected[0, 0, :4], vowels()[0, :4], atol=1e-3, rtol=1e-3)


def test_padding_of_the_enrolment_does_not_count() -> None:
    torch.manual_seed(0)
    mixture, enrollment = torch.rand(1, 5, BINS), torch.rand(1, 7, BINS)
    padded = torch.cat([enrollment, 9.0 * torch.rand(1, 4, BINS)], dim=1)
    mask = (torch.arange(11) < 7)[None]
    torch.testing.assert_close(
        TfMap()(mixture, padded, mask), TfMap()(mixture, enrollment, everything(enrollment))
    )


def test_silence_gives_numbers() -> None:
    nothing = torch.zeros(2, 4, BINS)
    assert TfMap()(nothing, nothing, everything(nothing)).abs().max() == 0
    assert TfMap()(torch.rand(2, 4, BINS), nothing, everything(nothing)).abs().max() == 0


def test_a_mixture_twice_as_loud_has_a_map_twice_as_loud() -> None:
    torch.manual_seed(0)
    mixture, enrollment = torch.rand(1, 5, BINS), torch.rand(1, 7, BINS)
    mask = everything(enrollment)
    soft, loud = (TfMap()(g * mixture, enrollment / g, mask) for g in (1.0, 2.0))
    torch.testing.assert_close(2 * soft, loud)
    with torch.autocast("cpu", torch.bfloat16):
        assert TfMap()(mixture, enrollment, mask).equal(soft)
