"""Learned filters and their synthesis: frames of all scales begin together, nothing is lost."""

import pytest
import torch
import torch.nn.functional as F

from joint.errors import ConfigError
from tasks.extraction.extractors.time_domain.filters import LearnedFilters, LearnedSynthesis


def drawn(windows: list[int], hop: int) -> LearnedFilters:
    torch.manual_seed(0)
    return LearnedFilters(6, windows, hop)


@pytest.mark.parametrize("samples", [1, 15, 16, 17, 100, 104])
def test_every_scale_has_the_frames_of_the_shortest(samples: int) -> None:
    filters, waveform = drawn([16, 40, 80], 8), torch.randn(2, samples)
    scales = filters(waveform)
    assert {scale.shape for scale in scales} == {(2, filters.frames(samples), 6)}
    covered = 16 + 8 * (filters.frames(samples) - 1)
    assert samples <= covered < max(samples, 16) + 8


def test_filters_are_a_convolution() -> None:
    filters, waveform = drawn([16, 40], 8), torch.randn(2, 104)
    for window, layer, found in zip((16, 40), filters.scales, filters(waveform), strict=True):
        padded = F.pad(waveform, (0, window - 16)).unsqueeze(1)
        expected = F.conv1d(padded, layer.weight.unsqueeze(1), layer.bias, stride=8).relu()
        torch.testing.assert_close(found, expected.transpose(1, 2), atol=1e-6, rtol=1e-5)


def test_synthesis_is_a_transposed_convolution() -> None:
    torch.manual_seed(0)
    synthesis, features = LearnedSynthesis(6, [16, 40], 8), torch.randn(2, 2, 12, 6)
    synthesis.offsets.data.fill_(0.3)
    found = synthesis(features.unbind(), 104)
    for layer, part, waveform in zip(synthesis.scales, features, found, strict=True):
        expected = F.conv_transpose1d(part.transpose(1, 2), layer.weight.T.unsqueeze(1), stride=8)
        torch.testing.assert_close(waveform, expected[:, 0, :104] + 0.3, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("samples", [3, 8, 61, 64])
def test_filters_of_single_samples_give_the_waveform_back(samples: int) -> None:
    filters, synthesis = LearnedFilters(8, [8], 8, rectified=False), LearnedSynthesis(8, [8], 8)
    for layer in (filters.scales[0], synthesis.scales[0]):
        torch.nn.init.eye_(layer.weight)
    torch.nn.init.zeros_(filters.scales[0].bias)
    waveform = torch.randn(2, samples)
    torch.testing.assert_close(synthesis(filters(waveform), samples)[0], waveform)


@pytest.mark.parametrize("windows, hop", [([40, 16], 8), ([16, 16], 8), ([16], 17), ([16], 0)])
def test_windows_that_are_none(windows: list[int], hop: int) -> None:
    with pytest.raises(ConfigError, match="windows"):
        LearnedFilters(6, windows, hop)
