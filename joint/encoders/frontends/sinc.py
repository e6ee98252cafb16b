"""A front-end that learns its filters on the waveform."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.frames import Frames, masked_mean
from joint.encoders.frontends.filterbank import Frontend
from joint.units import SAMPLE_RATE, Hertz, Samples

EMPHASIS = 0.97
NARROWEST: Hertz = 50
"""The lowest cut-off frequency, and the smallest band."""


class SincFilterbank(Frontend):
    """Parameterised analytic filters (Pariente et al., ICASSP 2020, after SincNet): pre-emphasis,
    the waveform normalised, band-pass filters with learnt edges, each as a cosine and a sine; the
    logarithm of what each gives, its mean over the recording taken off.

    `filters` counts both halves. Frames that fit wholly inside the recording.
    """

    angle: Tensor
    taper: Tensor

    def __init__(self, filters: int = 256, window: Samples = 251, hop: Samples = 16) -> None:
        super().__init__()
        self.output_dim, self.window, self.hop = filters, window, hop
        highest = SAMPLE_RATE / 2 - 2 * NARROWEST
        mel = torch.linspace(to_mel(30.0), to_mel(highest), filters // 2 + 1)
        edges = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
        self.low = nn.Parameter(edges[:-1].clone())
        self.band = nn.Parameter(edges.diff())
        self.gain = nn.Parameter(torch.ones(()))
        self.shift = nn.Parameter(torch.zeros(()))
        half = window // 2
        seconds = torch.arange(-half, 0.0) / SAMPLE_RATE
        self.register_buffer("angle", 2.0 * math.pi * seconds, persistent=False)
        hamming = torch.hamming_window(window, periodic=False)[:half]
        self.register_buffer("taper", hamming, persistent=False)

    def filters(self) -> Tensor:
        """Impulse responses `(filters, window)`: all cosines, then all sines."""
        low = NARROWEST + self.low.abs()
        high = (low + NARROWEST + self.band.abs()).clamp(NARROWEST, SAMPLE_RATE / 2)
        width = (high - low)[:, None]
        lower, upper = low[:, None] * self.angle, high[:, None] * self.angle
        slope = self.taper / (self.angle / 2.0) / (2.0 * width)
        even = (upper.sin() - lower.sin()) * slope
        odd = (lower.cos() - upper.cos()) * slope
        centre = torch.ones_like(width)
        cosines = torch.cat([even, centre, even.flip(1)], dim=1)
        sines = torch.cat([odd, torch.zeros_like(width), -odd.flip(1)], dim=1)
        return torch.cat([cosines, sines])

    def forward(self, waveform: Tensor, lengths: Tensor) -> Frames:
        """See Frontend."""
        with torch.autocast(waveform.device.type, enabled=False):
            x = waveform.float()
            x = x - EMPHASIS * torch.cat([x[:, 1:2], x[:, :-1]], dim=1)
            own = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
            # in float64: the logarithm of near silence shows every rounding
            count = own.sum(dim=1, keepdim=True)
            mean = (x * own).sum(dim=1, keepdim=True, dtype=torch.float64) / count
            centred = (x - mean) * own
            variance = centred.square().sum(dim=1, keepdim=True) / count
            x = (centred * (variance + 1e-4).rsqrt()).float() * self.gain + self.shift
            y = F.conv1d(x.unsqueeze(1), self.filters().unsqueeze(1), stride=self.hop)
            features = (y.abs() + 1e-6).log().transpose(1, 2)
            mask = self.mask_of(waveform, lengths)
            return Frames(
                features - masked_mean(features, mask).unsqueeze(1), mask, self.hop, self.offset
            )


def to_mel(hertz: float) -> float:
    """Frequency on the mel scale."""
    return 2595.0 * math.log10(1.0 + hertz / 700.0)
