"""The learnt filters: pairs that are 90° apart, each passing its own band."""

import torch

from joint.encoders.frontends.sinc import NARROWEST, SincFilterbank
from joint.units import SAMPLE_RATE


def test_each_filter_passes_its_band_alone() -> None:
    bank = SincFilterbank(32, window=801)
    with torch.no_grad():
        response = torch.fft.rfft(bank.filters(), n=SAMPLE_RATE).abs()
        low = NARROWEST + bank.low
        high = low + NARROWEST + bank.band
    for i in range(16):
        middle = int((low[i] + high[i]) / 2)
        for half in (response[i], response[16 + i]):
            passed = half[middle]
            assert half[max(0, int(low[i]) - 60)] < 0.1 * passed or low[i] < 120
            assert high[i] > 7900 or half[int(high[i]) + 60] < 0.1 * passed


def test_sine_and_cosine_are_a_quarter_apart() -> None:
    bank = SincFilterbank(8, window=801)
    with torch.no_grad():
        found = bank.filters()
    for cosine, sine in zip(found[:4], found[4:], strict=True):
        torch.testing.assert_close(cosine, cosine.flip(0))
        torch.testing.assert_close(sine, -sine.flip(0))
        assert float(cosine @ sine) < 1e-6
        assert float(sine.square().sum() / cosine.square().sum()) > 0.8


def test_level_and_offset_of_the_waveform_do_not_matter() -> None:
    torch.manual_seed(0)
    waveform = 0.1 * torch.randn(1, 8000)
    bank, lengths = SincFilterbank(16), torch.tensor([8000])
    with torch.no_grad():
        plain = bank(waveform, lengths).features
        louder = bank(4.0 * waveform + 0.01, lengths).features
    assert plain.std() > 0.5
    assert float((plain - louder).abs().mean()) < 0.05


def test_its_edges_learn() -> None:
    bank = SincFilterbank(16)
    bank(torch.randn(1, 4000), torch.tensor([4000])).features.square().mean().backward()
    for edge in (bank.low, bank.band):
        assert edge.grad is not None and bool(edge.grad.abs().sum() > 0)
