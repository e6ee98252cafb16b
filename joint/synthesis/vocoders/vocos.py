"""Vocos: a network at the frame rate that predicts a short-time spectrum."""

import torch
from torch import Tensor, nn

from joint.synthesis.convnext import ConvNextStack
from joint.synthesis.mel import HOP, MELS, WINDOW
from joint.synthesis.vocoders.base import Vocoder
from joint.synthesis.vocoders.magnitudes import consistent

LOUDEST = 1e2
"""Greatest magnitude of a bin, so that the exponential stays finite."""


class SpectrumHead(nn.Module):
    """Magnitudes and phases of a short-time spectrum, and their inverse transform (Siuzdak, "Vocos:
    Closing the gap between time-domain and Fourier-based neural vocoders", ICLR 2024)."""

    window: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.output = nn.Linear(dim, WINDOW + 2)
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """`x (B, F, D)` → waveform `(B, (F - 1)·HOP)`."""
        log_magnitude, phase = self.output(x).float().transpose(1, 2).chunk(2, dim=1)
        return self.waveform(log_magnitude.exp().clamp(max=LOUDEST), phase)

    def waveform(self, magnitude: Tensor, phase: Tensor) -> Tensor:
        """The inverse transform of `magnitude` and `phase` in radians, each `(B, bins, F)`."""
        spectrum = torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
        return torch.istft(spectrum, WINDOW, HOP, window=self.window, center=True)


class Vocos(Vocoder):
    """ConvNeXt blocks at the frame rate and a spectral head (Siuzdak, ICLR 2024).

    `iterations` of `consistent` follow at inference: they take out what a small network trained for
    hours and not for weeks leaves between magnitudes, phases and the log-mel; 0: none.
    """

    def __init__(
        self, dim: int = 256, blocks: int = 8, hidden: int = 768, iterations: int = 16
    ) -> None:
        super().__init__()
        self.iterations = iterations
        self.enter = nn.Conv1d(MELS, dim, 7, padding=3)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.body = ConvNextStack(dim, dim, blocks, hidden)
        self.head = SpectrumHead(dim)

    def forward(self, log_mel: Tensor) -> Tensor:
        """See Vocoder."""
        x = self.norm(self.enter(log_mel).transpose(1, 2))
        x = self.body(x)
        with torch.autocast(log_mel.device.type, enabled=False):
            waveform: Tensor = self.head(x.float())
        return waveform

    def speak(self, log_mel: Tensor) -> Tensor:
        """See Vocoder."""
        waveform: Tensor = self(log_mel)
        if not self.iterations:
            return waveform
        filters, window = self.mel.filters, self.head.window
        return consistent(waveform, log_mel, filters, window, self.iterations)
