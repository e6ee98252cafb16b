"""Mel spectrogram of power, for encoders that were trained without the logarithm."""

import math

import torch
from torch import Tensor

from joint.encoders.frames import Frames
from joint.encoders.frontends.filterbank import Frontend
from joint.units import SAMPLE_RATE, Decibels, Hertz

KNEE: Hertz = 1000
"""Slaney's mel scale is linear below and logarithmic above."""
LINEAR = 3.0 / 200.0
LOGARITHMIC = 27.0 / math.log(6.4)


class MelSpectrogram(Frontend):
    """Power in `bins` mel bands of equal area (Slaney, Auditory Toolbox, 1998), 25 ms Hann windows
    every 10 ms; not its logarithm, so loudness counts.

    A recording is first raised to `quietest` dB below full scale, by the RMS of all its samples; a
    louder one stays. Frames after its end are those of silence.
    """

    window = 400
    hop = 160
    padding = window // 2
    taper: Tensor
    filters: Tensor

    def __init__(self, bins: int = 40, quietest: Decibels = -30.0) -> None:
        super().__init__()
        self.output_dim = bins
        self.lowest_rms = 10.0 ** (quietest / 20.0)
        self.register_buffer("taper", torch.hann_window(self.window), persistent=False)
        self.register_buffer("filters", mel_filters(bins, self.window), persistent=False)

    def forward(self, waveform: Tensor, lengths: Tensor) -> Frames:
        """See Frontend."""
        with torch.autocast(waveform.device.type, enabled=False):
            own = torch.arange(waveform.shape[1], device=waveform.device) < lengths[:, None]
            x = waveform.float() * own
            rms = (x.square().sum(dim=1, keepdim=True) / lengths[:, None]).sqrt()
            x = x * (self.lowest_rms / rms.clamp(min=1e-9)).clamp(min=1.0)
            spectrum = torch.stft(
                x,
                self.window,
                self.hop,
                window=self.taper,
                center=True,
                pad_mode="constant",
                return_complex=True,
            )
            power = torch.view_as_real(spectrum).square().sum(dim=-1)
            features = power.transpose(1, 2) @ self.filters
        return Frames(features, self.mask_of(waveform, lengths), self.hop, self.offset)


def mel_filters(bins: int, window: int) -> Tensor:
    """Triangles of equal area between 0 Hz and half the sample rate: `(window // 2 + 1, bins)`."""
    highest = to_mel(SAMPLE_RATE / 2)
    edges = to_hertz(torch.linspace(0.0, highest, bins + 2, dtype=torch.float64))
    frequency = torch.arange(window // 2 + 1, dtype=torch.float64) * SAMPLE_RATE / window
    rising = (frequency[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency[:, None]) / (edges[2:] - edges[1:-1])
    height = 2.0 / (edges[2:] - edges[:-2])
    return (torch.minimum(rising, falling).clamp(min=0.0) * height).float()


def to_mel(hertz: float) -> float:
    """Slaney's mel of a frequency."""
    if hertz < KNEE:
        return LINEAR * hertz
    return LINEAR * KNEE + LOGARITHMIC * math.log(hertz / KNEE)


def to_hertz(mel: Tensor) -> Tensor:
    """Frequencies of Slaney's mels."""
    knee = LINEAR * KNEE
    above = KNEE * ((mel - knee).clamp(min=0.0) / LOGARITHMIC).exp()
    return torch.where(mel < knee, mel / LINEAR, above)
