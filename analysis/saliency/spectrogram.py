"""A recording as a spectrogram whose cells can be attenuated one by one."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.units import SAMPLE_RATE, Decibels, Samples

WINDOW, HOP, BANDS = 512, 160, 40
NOISE: Decibels = -30.0
"""Level of the noise that replaces attenuated cells, relative to the recording: a front-end that
normalises would amplify whatever an exact silence left."""


@dataclass(frozen=True)
class MaskableSpectrogram:
    """The short-time spectrum of one recording, in cells of `BANDS` bands of equal width in mel by
    frames, and that of the noise that replaces attenuated cells."""

    spectrum: Tensor
    noise: Tensor
    length: Samples

    @classmethod
    def of(cls, waveform: Tensor) -> "MaskableSpectrogram":
        """`waveform (S,)` float32 at 16 kHz."""
        generator = torch.Generator().manual_seed(0)
        loudness = waveform.square().mean().sqrt() * 10.0 ** (NOISE / 20.0)
        noise = loudness * torch.randn(waveform.shape, generator=generator)
        return cls(_spectrum(waveform), _spectrum(noise), len(waveform))

    @property
    def shape(self) -> tuple[int, int]:
        """Bands and frames; frame t is centred on sample `HOP · t`."""
        return BANDS, self.spectrum.shape[1]

    def level_db(self) -> Tensor:
        """Energy of each cell in decibels, `(bands, frames)`."""
        energy = torch.zeros(self.shape, device=self.spectrum.device)
        energy.index_add_(0, band_of_bins().to(energy.device), self.spectrum.abs().square())
        return 10.0 * torch.log10(energy + 1e-10)

    def masked(self, gains: Tensor) -> Tensor:
        """The waveform `(…, S)` of cells multiplied by `gains (…, bands, frames)`, 0 to 1, plus
        noise multiplied by 1 − `gains`."""
        lead = gains.shape[:-2]
        each = gains.reshape(-1, *self.shape)[:, band_of_bins().to(gains.device)]
        found = torch.istft(
            self.spectrum * each + self.noise * (1.0 - each),
            WINDOW,
            HOP,
            window=_window(self.spectrum.real),
            length=self.length,
        )
        return found.reshape(*lead, self.length)

    def interpolated(self, image: Tensor, hop: Samples, offset: Samples) -> Tensor:
        """A layer's `image (…, D, F)`, whose frame f is centred on sample `offset + hop · f`, at
        the cells of this spectrogram: linear in time and over bands, `(…, bands, frames)`."""
        bands, frames = self.shape
        lead = image.shape[:-2]
        flat = image.reshape(-1, *image.shape[-2:])
        flat = F.interpolate(flat.transpose(1, 2), bands, mode="linear").transpose(1, 2)
        place = (torch.arange(frames, device=image.device) * HOP - offset) / hop
        place = place.clamp(0, flat.shape[-1] - 1)
        low = place.long().clamp(max=max(flat.shape[-1] - 2, 0))
        share = (place - low).clamp(0.0, 1.0)
        high = (low + 1).clamp(max=flat.shape[-1] - 1)
        found = flat[..., low] * (1.0 - share) + flat[..., high] * share
        return found.reshape(*lead, bands, frames)


def band_of_bins() -> Tensor:
    """The band of each bin of the spectrum, `(bins,)`."""
    frequency = torch.linspace(0.0, SAMPLE_RATE / 2, WINDOW // 2 + 1)
    mel = torch.log1p(frequency / 700.0)
    return (mel / mel[-1] * BANDS).long().clamp(max=BANDS - 1)


def _spectrum(waveform: Tensor) -> Tensor:
    window = _window(waveform)
    return torch.stft(
        waveform, WINDOW, HOP, window=window, return_complex=True, pad_mode="constant"
    )


def _window(like: Tensor) -> Tensor:
    return torch.hann_window(WINDOW, device=like.device, dtype=like.dtype)
