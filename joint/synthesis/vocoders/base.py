"""Vocoder: log-mel spectrograms become waveforms."""

from abc import ABC, abstractmethod

import torch.nn.functional as F
from torch import Tensor, nn

from joint.synthesis.mel import HOP, LogMel


class Vocoder(nn.Module, ABC):
    """Makes waveforms of what its `mel` gives."""

    def __init__(self) -> None:
        super().__init__()
        self.mel = LogMel()

    @abstractmethod
    def forward(self, log_mel: Tensor) -> Tensor:
        """`log_mel (B, MELS, F)` → waveform `(B, (F - 1)·HOP)`, float32."""

    def speak(self, log_mel: Tensor) -> Tensor:
        """As `forward`, with what inference may do besides."""
        waveform: Tensor = self(log_mel)
        return waveform

    def copy_of(self, recording: Tensor) -> Tensor:
        """Copy synthesis: the waveform `(S,)` made of the log-mel of a `recording (S,)`."""
        padded = F.pad(recording, (0, -len(recording) % HOP))
        return self.speak(self.mel(padded[None]))[0, : len(recording)]
