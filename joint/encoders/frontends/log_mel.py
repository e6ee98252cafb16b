"""Log mel spectrogram on the grid of an extractor: windows and hops of any length."""

import math

import torch
from torch import Tensor

from joint.encoders.frames import Frames, masked_mean
from joint.encoders.frontends.filterbank import Frontend
from joint.layers.reflection import reflected
from joint.units import SAMPLE_RATE, Hertz, Samples

PREEMPHASIS = 0.97
LOWEST: Hertz = 20
FLOOR = 1e-8


class LogMelSpectrogram(Frontend):
    """Logarithm of the power in `bins` mel bands from 20 Hz to 8 kHz (O'Shaughnessy's scale, no
    equal areas), each one's mean over the recording taken off: the features of an enrolment that
    WeSep computes with an extractor's own `window` and `hop`.

    Pre-emphasis 0.97; Hamming windows, centred; before its first sample and after its last a
    recording is reflected. 1e-8 is added to all powers.
    """

    taper: Tensor
    filters: Tensor

    def __init__(self, bins: int = 80, window: Samples = 512, hop: Samples = 128) -> None:
        super().__init__()
        self.output_dim = bins
        self.window, self.hop, self.padding = window, hop, window // 2
        self.register_buffer("taper", torch.hamming_window(window), persistent=False)
        self.register_buffer("filters", mel_filters(bins, window), persistent=False)

    def forward(self, waveform: Tensor, lengths: Tensor) -> Frames:
        """See Frontend."""
        mask = self.mask_of(waveform, lengths)
        with torch.autocast(waveform.device.type, enabled=False):
            x = waveform.float()
            x = x - PREEMPHASIS * torch.cat([x[:, 1:2], x[:, :-1]], dim=1)
            spectrum = torch.stft(
                reflected(x, lengths, self.padding),
                self.window,
                self.hop,
                window=self.taper,
                center=False,
                return_complex=True,
            )
            power = torch.view_as_real(spectrum).square().sum(dim=-1)
            features = (power.transpose(1, 2) @ self.filters + FLOOR).log()
            features = features - masked_mean(features, mask).unsqueeze(1)
            if mask is not None:
                features = features.masked_fill(~mask.unsqueeze(-1), 0.0)
        return Frames(features, mask, self.hop, self.offset)


def mel_filters(bins: int, window: Samples) -> Tensor:
    """Triangles of height 1 whose corners are equally far on the mel scale, as a matrix
    `(window // 2 + 1, bins)`."""
    ends = torch.tensor([LOWEST, SAMPLE_RATE / 2], dtype=torch.float64)
    lowest, highest = (2595.0 * (1.0 + ends / 700.0).log10()).tolist()
    mel = torch.linspace(lowest, highest, bins + 2, dtype=torch.float64)
    edges = 700.0 * ((mel * (math.log(10.0) / 2595.0)).exp() - 1.0)
    frequency = torch.arange(window // 2 + 1, dtype=torch.float64) * SAMPLE_RATE / window
    rising = (frequency[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency[:, None]) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0.0).float()
