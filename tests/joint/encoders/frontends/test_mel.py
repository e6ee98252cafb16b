"""Power in mel bands: Slaney's filters, frames centred on every hop, a recording's level."""

import math

import numpy as np
import pytest
import torch
import torchaudio.functional
from torch import Tensor

from joint.encoders.frontends.mel import MelSpectrogram, mel_filters


@pytest.mark.parametrize("bins", [24, 40])
def test_filters_are_slaneys(bins: int) -> None:
    expected = torchaudio.functional.melscale_fbanks(
        201, 0.0, 8000.0, bins, 16_000, norm="slaney", mel_scale="slaney"
    )
    torch.testing.assert_close(mel_filters(bins, 400), expected, atol=1e-7, rtol=1e-4)


def test_a_frame_is_the_power_around_its_centre(speech: list[np.ndarray]) -> None:
    waveform = speech[0]
    gain = max(1.0, 10 ** (-30 / 20) / math.sqrt(float(np.mean(waveform.astype(np.float64) ** 2))))
    around = np.pad(gain * waveform.astype(np.float64), 200)
    features = MelSpectrogram()(torch.from_numpy(waveform)[None], torch.tensor([len(waveform)]))
    assert features.features.shape == (1, 1 + len(waveform) // 160, 40)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    for f in (0, 1, 50, len(waveform) // 160):
        power = np.abs(np.fft.rfft(hann * around[160 * f : 160 * f + 400])) ** 2
        expected = torch.from_numpy(power).float() @ mel_filters(40, 400)
        torch.testing.assert_close(features.features[0, f], expected, atol=1e-6, rtol=1e-3)


def test_padded_equals_alone(speech: list[np.ndarray], padded: tuple[Tensor, Tensor]) -> None:
    together = MelSpectrogram()(*padded)
    assert together.mask is not None
    assert together.mask.sum(1).tolist() == [1 + n // 160 for n in padded[1].tolist()]
    for features, mask, waveform in zip(together.features, together.mask, speech, strict=True):
        alone = MelSpectrogram()(torch.from_numpy(waveform)[None], torch.tensor([len(waveform)]))
        torch.testing.assert_close(features[mask], alone.features[0], atol=1e-6, rtol=1e-4)
        # the first frame after the end still reaches back into the recording
        assert (features[~mask][2:] == 0).all()


class TestLevel:
    """A quiet recording is raised, a loud one stays."""

    @pytest.fixture
    def noise(self) -> Tensor:
        noise = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
        return noise / noise.square().mean().sqrt()

    def features(self, waveform: Tensor) -> Tensor:
        return MelSpectrogram()(waveform, torch.tensor([waveform.shape[1]])).features

    def test_quiet(self, noise: Tensor) -> None:
        raised, whisper = self.features(0.0316 * noise), self.features(0.001 * noise)
        torch.testing.assert_close(whisper, raised, atol=0, rtol=0.01)

    def test_loud(self, noise: Tensor) -> None:
        once, twice = self.features(0.1 * noise), self.features(0.2 * noise)
        torch.testing.assert_close(twice, 4.0 * once)

    def test_digital_silence(self) -> None:
        assert (self.features(torch.zeros(1, 8000)) == 0).all()


def test_bf16_does_not_reach_it(padded: tuple[Tensor, Tensor]) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        inside = MelSpectrogram()(*padded).features
    assert torch.equal(inside, MelSpectrogram()(*padded).features)
