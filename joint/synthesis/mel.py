"""The log-mel spectrogram between acoustic models and vocoders."""

import torch
import torchaudio
from torch import Tensor, nn

from joint.units import SAMPLE_RATE, Samples

WINDOW: Samples = 800
HOP: Samples = 200
MELS = 80
FLOOR = 1e-5
"""Least magnitude of a mel band: silence is ln(FLOOR) = -11.5."""


def frames_of(samples: Samples) -> int:
    """Frames of a waveform: one at every `HOP` Samples, the first on Sample 0."""
    return samples // HOP + 1


class LogMel(nn.Module):
    """Natural logarithm of magnitudes in 80 mel bands (HTK's scale, 0 to 8 kHz), by torchaudio:
    Hann windows of 50 ms every 12.5 ms; frame f is centred on Sample `f·HOP`."""

    hop = HOP

    def __init__(self) -> None:
        super().__init__()
        self.spectrogram = torchaudio.transforms.MelSpectrogram(
            SAMPLE_RATE, WINDOW, hop_length=HOP, n_mels=MELS, power=1.0, pad_mode="constant"
        )
        for module in self.modules():  # constants: no checkpoint needs to hold them
            module._non_persistent_buffers_set.update(module._buffers)

    @property
    def filters(self) -> Tensor:
        """The mel filters `(WINDOW // 2 + 1, MELS)`."""
        filters: Tensor = self.spectrogram.mel_scale.fb
        return filters

    def forward(self, waveform: Tensor) -> Tensor:
        """`waveform (B, S)` → `(B, MELS, S // HOP + 1)`, float32."""
        with torch.autocast(waveform.device.type, enabled=False):
            mel: Tensor = self.spectrogram(waveform.float())
            return mel.clamp(min=FLOOR).log()
