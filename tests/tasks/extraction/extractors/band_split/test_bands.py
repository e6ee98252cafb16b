"""Bands: batched matrices that do what a module a band would; a split that loses nothing."""

import pytest
import torch
from torch import Tensor, nn

from joint.errors import ConfigError
from tasks.extraction.extractors.band_split.bands import (
    PUBLISHED_BANDS,
    BandMask,
    BandNorm,
    Bands,
    BandSplit,
    band_widths,
)
from tasks.extraction.extractors.bsrnn import SMALL_BANDS
from tasks.extraction.extractors.spectrum import Spectrum, compressed

LAYOUTS = {"published": PUBLISHED_BANDS, "small": SMALL_BANDS, "uneven": ((3, 500), (1, 900))}


def decibels(error: Tensor, signal: Tensor) -> float:
    return float(10 * torch.log10(error.square().mean() / signal.square().mean()))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("window, hop", [(512, 128), (512, 256), (320, 160)])
@pytest.mark.parametrize("samples", [16_000, 15_999, 12_345])
def test_an_identity_mask_gives_the_input_back(
    layout: tuple[tuple[int, int], ...], window: int, hop: int, samples: int
) -> None:
    torch.manual_seed(0)
    waveform = torch.randn(2, samples)
    spectrum = Spectrum(window, hop)
    bands = Bands(band_widths(spectrum.bins, layout))
    seen = spectrum(waveform)
    joined = bands.join(bands.split(torch.view_as_real(seen)))
    heard = spectrum.inverse(torch.view_as_complex(joined) * torch.ones_like(seen), samples)
    assert heard.shape == waveform.shape
    assert decibels(heard - waveform, waveform) < -60
    # no worse where one window alone reaches
    assert decibels((heard - waveform)[:, -50:], waveform[:, -50:]) < -60


@pytest.mark.parametrize("remainder", [1, 128, 255])
def test_a_mask_does_no_harm_at_the_end(remainder: int) -> None:
    torch.manual_seed(0)
    spectrum, samples = Spectrum(512, 256), 256 * 20 + remainder
    seen = spectrum(torch.randn(1, samples))
    heard = spectrum.inverse(seen * torch.rand_like(seen.real), samples)
    assert heard.abs().max() < 5


def test_spectrum_of_level_one() -> None:
    torch.manual_seed(0)
    assert 0.4 < Spectrum()(torch.randn(1, 16_000)).abs().mean() < 1.0


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_bands_cover_the_spectrum(layout: tuple[tuple[int, int], ...]) -> None:
    widths = band_widths(257, layout)
    assert sum(widths) == 257 and min(widths) >= 1
    # a band is as wide as asked, but for the rounding to whole bins of 31.25 Hz
    asked = [hertz for count, hertz in layout for _ in range(count)]
    assert all(0 <= h - 31.25 * w < 31.25 for h, w in zip(asked, widths, strict=False))


def test_bands_beyond_the_spectrum() -> None:
    with pytest.raises(ConfigError, match="at most 257"):
        band_widths(257, [(9, 1000)])


def test_norm_equals_a_loop() -> None:
    torch.manual_seed(0)
    layer = BandNorm(5, 7)
    nn.init.normal_(layer.gain)
    nn.init.normal_(layer.shift)
    x = 3 + 2 * torch.randn(2, 4, 5, 7)
    for k in range(5):
        one = nn.GroupNorm(1, 7, eps=1e-6)
        one.weight, one.bias = nn.Parameter(layer.gain[k]), nn.Parameter(layer.shift[k])
        expected = one(x[:, :, k].transpose(1, 2)).transpose(1, 2)
        torch.testing.assert_close(layer(x)[:, :, k], expected, atol=1e-5, rtol=1e-5)


def test_split_reads_each_band_alone() -> None:
    bands = Bands(band_widths(257, SMALL_BANDS))
    split = BandSplit(bands, 6)
    x = torch.randn(1, 9, 257, 2)
    before = split(x)
    assert before.shape == (1, 9, bands.count, 6)
    x[:, :, 4:8] += 1.0  # the second of the 125 Hz bands
    assert (before != split(x)).any(3).any(1)[0].nonzero().flatten().tolist() == [1]


def test_an_untrained_mask_is_near_one_half() -> None:
    torch.manual_seed(0)
    bands = Bands(band_widths(257, SMALL_BANDS))
    mask = BandMask(bands, 6, 12)(torch.randn(2, 9, bands.count, 6))
    assert mask.shape == (2, 9, 257) and mask.is_complex()
    assert (mask - 0.5).abs().mean() < 0.1


def test_compression() -> None:
    spectrum = torch.polar(torch.tensor([1e-2, 1.0, 100.0]), torch.tensor([0.3, -2.0, 1.0]))
    small = compressed(spectrum, 0.3)
    torch.testing.assert_close(small.abs(), spectrum.abs() ** 0.3)
    torch.testing.assert_close(small.angle(), spectrum.angle())
    torch.testing.assert_close(compressed(spectrum, 1.0), spectrum)
