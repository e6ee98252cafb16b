"""Discriminators of waveforms: by periods, and by the resolution of spectrograms."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

SLOPE = 0.1
"""Of the leaky ReLU on negative values."""
Judgement = tuple[Tensor, list[Tensor]]
"""A discriminator's scores, and the features of its layers."""


class PeriodDiscriminator(nn.Module):
    """Reads a waveform folded to rows of `period` samples (Kong et al., HiFi-GAN, NeurIPS 2020)."""

    def __init__(self, period: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.period = period
        inputs = (1, *channels[:-1])
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, (5, 1), (3 if i + 1 < len(channels) else 1, 1), (2, 0)))
            for i, (a, b) in enumerate(zip(inputs, channels, strict=True))
        )
        self.output = weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, waveform: Tensor) -> Judgement:
        """`waveform (B, S)`."""
        behind = -waveform.shape[1] % self.period
        padded = F.pad(waveform, (0, behind), mode="reflect")
        x = rearrange(padded, "b (s p) -> b 1 s p", p=self.period)
        return _judged(x, self.layers, self.output)


class SpectrogramDiscriminator(nn.Module):
    """Reads the complex spectrogram of one resolution (Jang et al., UnivNet, Interspeech 2021; on
    complex spectra Zeghidour et al., SoundStream, 2021), of windows of `window` samples, a quarter
    apart."""

    taper: Tensor

    def __init__(self, window: int, channels: int) -> None:
        super().__init__()
        self.window = window
        self.register_buffer("taper", torch.hann_window(window), persistent=False)
        sizes = [(2, (3, 9), 1), *[(channels, (3, 9), 2)] * 3, (channels, (3, 3), 1)]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(a, channels, k, (1, stride), (k[0] // 2, k[1] // 2)))
            for a, k, stride in sizes
        )
        self.output = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, waveform: Tensor) -> Judgement:
        """`waveform (B, S)`."""
        with torch.autocast(waveform.device.type, enabled=False):
            spectrum = torch.stft(
                waveform.float(),
                self.window,
                self.window // 4,
                window=self.taper,
                normalized=True,
                return_complex=True,
            )
            x = rearrange(torch.view_as_real(spectrum), "b k f c -> b c f k")
        return _judged(x, self.layers, self.output)


def _judged(x: Tensor, layers: nn.ModuleList, output: nn.Module) -> Judgement:
    features = []
    for layer in layers:
        x = F.leaky_relu(layer(x), SLOPE)
        features.append(x)
    return output(x).flatten(1), features


class Discriminators(nn.Module):
    """Several discriminators of both kinds.

    Args:
        periods: In samples.
        period_channels: Of the layers of each; HiFi-GAN's are 32, 128, 512, 1024, 1024.
        windows: Of the spectrograms, in samples.
        channels: Of the spectrograms' layers; UnivNet's are 32.
    """

    def __init__(
        self,
        periods: Sequence[int] = (2, 3, 5, 7, 11),
        period_channels: Sequence[int] = (16, 32, 64, 128, 256),
        windows: Sequence[int] = (1024, 512, 256),
        channels: int = 8,
    ) -> None:
        super().__init__()
        self.all = nn.ModuleList(
            [PeriodDiscriminator(p, period_channels) for p in periods]
            + [SpectrogramDiscriminator(w, channels) for w in windows]
        )

    def forward(self, waveform: Tensor) -> list[Judgement]:
        """The judgements on `waveform (B, S)`."""
        return [discriminator(waveform) for discriminator in self.all]
