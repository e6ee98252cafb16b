"""The level at which acoustic models hear and speak."""

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.synthesis.mel import HOP, MELS

TARGET = 0.07
"""RMS of speech, -23 dB below full scale."""
QUIETEST = 0.05
"""Share of the loudest frame under which a frame is no speech."""


def levelled(waveform: Tensor) -> Tensor:
    """`waveform (B, S)` with the RMS of its speech at `TARGET`; silence stays."""
    frames = F.pad(waveform, (0, -waveform.shape[1] % HOP)).unflatten(1, (-1, HOP))
    level = frames.square().mean(dim=2).sqrt()
    speech = (level >= QUIETEST * level.amax(dim=1, keepdim=True)) & (level > 0)
    power = (level.square() * speech).sum(dim=1) / speech.sum(dim=1).clamp(min=1)
    gain = torch.where(power > 1e-10, TARGET / power.clamp(min=1e-10).sqrt(), 1.0)
    return waveform * gain[:, None]


def frame_energy(log_mel: Tensor) -> Tensor:
    """Natural logarithm of the mean magnitude of each frame of `log_mel (B, MELS, F)`: `(B, F)`."""
    return log_mel.logsumexp(dim=1) - float(torch.tensor(float(MELS)).log())
