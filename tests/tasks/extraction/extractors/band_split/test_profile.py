"""The spectra of enrolment and mixture: whatever their level, length and pauses."""

from dataclasses import replace

import pytest
import torch
from tiny_models import encoding_of
from torch import Tensor

from joint.outputs import SpeakerEncoding
from tasks.extraction.extractors.band_split.bands import Bands, band_widths
from tasks.extraction.extractors.band_split.profile import BandProfile
from tasks.extraction.extractors.bsrnn import SMALL_BANDS, BandSplitExtractor
from tasks.extraction.extractors.spectrum import Spectrum, level_of


def voices(count: int = 3, samples: int = 8000) -> Tensor:
    """Noise with a spectrum that falls, another slope for each."""
    torch.manual_seed(0)
    white = torch.fft.rfft(torch.randn(count, samples))
    slope = torch.linspace(0.3, 0.8, count)[:, None]
    falling = torch.fft.irfft(white / torch.arange(1, samples // 2 + 2) ** slope, samples)
    return 0.05 * falling / falling.std(dim=1, keepdim=True)


def heard(waveform: Tensor, lengths: Tensor | None = None) -> SpeakerEncoding:
    torch.manual_seed(0)
    whole = torch.full((len(waveform),), waveform.shape[1])
    made = encoding_of(torch.randn(1, 10).expand(len(waveform), -1))
    return replace(made, waveform=waveform, lengths=whole if lengths is None else lengths)


def mixtures(profile: BandProfile) -> Tensor:
    return profile.spectrum(20 * voices(1))


def described(profile: BandProfile, waveform: Tensor) -> Tensor:
    return profile.statistics(profile.spectrum(waveform / level_of(waveform)))


@pytest.fixture
def profile() -> BandProfile:
    torch.manual_seed(0)
    spectrum = Spectrum(1024, 512)
    return BandProfile(Bands(band_widths(spectrum.bins, SMALL_BANDS)), 6, spectrum, places=2)


def test_gains_for_every_place_band_and_feature(profile: BandProfile) -> None:
    gains = profile(mixtures(profile), heard(voices()))
    assert [gain.shape for gain in gains] == [(3, 1, profile.bands.count, 6)] * 2
    assert all((gain - 1).abs().mean() < 1 for gain in gains)  # untrained: about 1
    assert not torch.allclose(gains[0][0], gains[0][1])


def test_padding_is_not_heard(profile: BandProfile) -> None:
    """There is no mask of frames: those behind an enrolment's end are zero, and weigh nothing."""
    waveform, lengths = voices(), torch.tensor([8000, 6100, 5000])
    together = profile(mixtures(profile), heard(waveform, lengths))
    for i, length in enumerate(lengths):
        alone = profile(mixtures(profile), heard(waveform[i : i + 1, :length]))
        for ours, expected in zip(together, alone, strict=True):
            torch.testing.assert_close(ours[i], expected[0], atol=1e-4, rtol=1e-4)


def test_neither_level_nor_pauses_matter(profile: BandProfile) -> None:
    waveform = voices(1)
    expected = described(profile, waveform)
    torch.testing.assert_close(described(profile, 9 * waveform), expected, atol=1e-4, rtol=1e-4)
    pause = torch.cat([waveform, torch.zeros(1, 8000), waveform], dim=1)
    assert (described(profile, pause) - expected)[..., 0].abs().mean() < 0.1


def test_the_mixture_counts(profile: BandProfile) -> None:
    one, two = voices(3)[:2].split(1)
    assert not torch.allclose(
        *(profile(profile.spectrum(10 * v), heard(voices(1)))[0] for v in (one, two))
    )


def test_silence_gives_numbers(profile: BandProfile) -> None:
    silence = torch.zeros(2, 8000)
    gains = profile(profile.spectrum(silence), heard(silence))
    assert all(gain.isfinite().all() for gain in gains)


def test_an_extractor_listens_to_it() -> None:
    """The speaker's embedding is the same for all: the enrolments' spectra tell them apart."""
    torch.manual_seed(0)
    extractor = BandSplitExtractor(
        10, 6, 2, 1024, 512, SMALL_BANDS, fuse="every", mask_hidden=8, profile=True
    ).eval()
    mixture, enrolled = voices(2), voices(4)
    together = extractor(mixture, heard(enrolled)).waveform.view(2, 2, -1)
    assert not torch.allclose(together[:, 0], together[:, 1])
    for k in range(2):
        alone = extractor(mixture, heard(enrolled[k::2])).waveform
        torch.testing.assert_close(together[:, k], alone, atol=1e-5, rtol=1e-4)
    together.square().sum().backward()
    assert extractor.profile is not None
    assert all(p.grad is not None for p in extractor.profile.parameters())
