"""Kaldi's log mel filterbank as a layer: the features that `compute-fbank-feats` gives."""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from joint.encoders.constant import constant
from joint.units import SAMPLE_RATE, Hertz, Samples

WINDOW: Samples = 400
HOP: Samples = 160
FFT = 512
LOW: Hertz = 20
PREEMPHASIS = 0.97


class KaldiFilterbank(nn.Module):
    """Log energies of `bins` mel filters from 20 Hz to 8 kHz in windows of 25 ms every 10 ms, or of
    other lengths.

    No dither, power spectrum of 512 points (the power of two that holds a `window`), pre-emphasis
    0.97, frames that lie wholly inside the recording, energies floored at float32's epsilon.
    `window_type` is povey or hamming. The names of the buffers are those of lhotse's layer, which
    checkpoints hold; this one has no other dependency than torch, whose import is what a short
    command waits for already.
    """

    def __init__(
        self,
        bins: int = 80,
        window_type: str = "povey",
        window: Samples = WINDOW,
        hop: Samples = HOP,
    ) -> None:
        super().__init__()
        self.window, self.hop, self.fft = window, hop, 1 << (window - 1).bit_length()
        self.wav2win = nn.Module()
        self.wav2win._window = nn.Parameter(frame_window(window_type, window))
        self._eps = nn.Parameter(torch.tensor(torch.finfo(torch.float32).eps))
        self._fb = nn.Parameter(mel_filters(bins, self.fft))
        constant(self)

    def forward(self, waveform: Tensor) -> Tensor:
        """`waveform (B, S)` on the scale of 16-bit integers → `(B, F, bins)`."""
        return torch.max(self.energies(waveform), self._eps).log()

    def energies(self, waveform: Tensor) -> Tensor:
        """As `forward`, before floor and logarithm."""
        frames = waveform.unfold(-1, self.window, self.hop)
        frames = frames - frames.mean(dim=2, keepdim=True)
        before = functional.pad(frames, (1, 0), mode="replicate")[..., :-1]
        window = cast(Tensor, self.wav2win._window)
        frames = (frames - PREEMPHASIS * before) * window
        power = torch.fft.rfft(frames, self.fft).abs() ** 2
        energies: Tensor = power @ self._fb
        return energies


def frame_window(window_type: str, window: Samples = WINDOW) -> Tensor:
    """What a frame is multiplied with, `(window,)`."""
    if window_type == "hamming":
        return torch.hamming_window(window, periodic=False, alpha=0.54, beta=0.46)
    return torch.hann_window(window, periodic=False).pow(0.85)


def mel_filters(bins: int, fft: Samples = FFT) -> Tensor:
    """Triangles, equally wide on the mel scale, as a matrix `(fft // 2 + 1, bins)`."""
    lowest, highest = _mel(LOW), _mel(SAMPLE_RATE / 2)
    width = (highest - lowest) / (bins + 1)
    number = torch.arange(bins)
    left, centre, right = (lowest + (number + step) * width for step in (0.0, 1.0, 2.0))
    hertz = SAMPLE_RATE / fft * torch.arange(fft // 2).unsqueeze(1)
    mel = 1127.0 * torch.log(1 + hertz / 700)
    rising, falling = (mel - left) / (centre - left), (right - mel) / (right - centre)
    # The Nyquist frequency belongs to no filter.
    return functional.pad(torch.minimum(rising, falling).clamp(min=0.0), (0, 0, 0, 1))


def _mel(hertz: float) -> float:
    return 1127.0 * math.log(1 + hertz / 700)
