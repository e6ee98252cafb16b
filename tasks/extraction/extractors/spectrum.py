"""The short-time Fourier transform and its inverse, always in float32."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.units import Samples


class Spectrum(nn.Module):
    """Hann windows of `window` Samples every `hop`; `bins = window / 2 + 1`. Divided by the root of
    the window's length, so that a waveform of level 1 has magnitudes around 1.

    `plain` is `torch.stft` as it comes, which other toolkits' models are trained with: not divided,
    and a waveform longer than half a window is mirrored at its ends instead of followed by zeros.
    """

    hann: Tensor

    def __init__(self, window: Samples = 512, hop: Samples = 128, plain: bool = False) -> None:
        super().__init__()
        self.window, self.hop, self.bins, self.plain = window, hop, window // 2 + 1, plain
        self.register_buffer("hann", torch.hann_window(window), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """`(B, S)` → complex `(B, T, bins)`."""
        # A whole number of hops: else the last samples lie under the foot of one window alone, and
        # the inverse divides whatever a mask left there by almost nothing.
        whole = waveform if self.plain else F.pad(waveform, (0, -waveform.shape[1] % self.hop))
        mirrored = self.plain and waveform.shape[1] > self.window // 2
        with torch.autocast(waveform.device.type, enabled=False):
            spectrum = torch.stft(
                whole.float(),
                self.window,
                self.hop,
                window=self.hann,
                normalized=not self.plain,
                return_complex=True,
                pad_mode="reflect" if mirrored else "constant",
            )
        return spectrum.transpose(1, 2)

    def frames(self, lengths: Tensor) -> Tensor:
        """How many frames `forward` makes of waveforms of `lengths (B,)` Samples, `(B,)`."""
        whole = lengths if self.plain else lengths + self.hop - 1
        return whole // self.hop + 1

    def inverse(self, spectrum: Tensor, length: Samples) -> Tensor:
        """Complex `(B, T, bins)` → `(B, length)`."""
        with torch.autocast(spectrum.device.type, enabled=False):
            waveform: Tensor = torch.istft(
                spectrum.transpose(1, 2),
                self.window,
                self.hop,
                window=self.hann,
                normalized=not self.plain,
                length=length,
            )
        return waveform


def level_of(waveform: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Root mean square `(B, 1)` of `waveform (B, S)`, over the first `lengths (B,)` Samples of each
    where the rest is zero; never below 1e-5."""
    if lengths is None:
        energy = waveform.square().mean(dim=1, keepdim=True)
    else:
        energy = waveform.square().sum(dim=1, keepdim=True) / lengths.unsqueeze(1)
    return energy.sqrt().clamp(min=1e-5)


def compressed(spectrum: Tensor, power: float) -> Tensor:
    """Complex `(…)` with its magnitude to a power: speech's range becomes a network's range."""
    # the floor bounds the derivative, which is infinite at 0 for powers below 1
    magnitude = spectrum.abs().clamp(min=1e-3)
    return spectrum * magnitude.pow(power - 1.0)
