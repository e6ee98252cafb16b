"""The level of the speech that acoustic models read and make."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.synthesis.mel import HOP, MELS
from joint.units import Decibels

TARGET = 0.07
"""RMS of speech, -23 dB below full scale."""
QUIETEST = 0.05
"""Share of the loudest frame under which a frame is no speech."""
SILENT = 1e-5
"""RMS up to which nothing is raised."""
HIGHEST_PEAK = 0.95
"""Of full scale, in what is made for people."""


def speech_rms(waveform: Tensor) -> Tensor:
    """RMS `(B,)` of the speech of `waveform (B, S)`, without its pauses."""
    frames = F.pad(waveform, (0, -waveform.shape[1] % HOP)).unflatten(1, (-1, HOP))
    level = frames.square().mean(dim=2).sqrt()
    speech = (level >= QUIETEST * level.amax(dim=1, keepdim=True)) & (level > 0)
    return ((level.square() * speech).sum(dim=1) / speech.sum(dim=1).clamp(min=1)).sqrt()


def levelled(waveform: Tensor) -> Tensor:
    """`waveform (B, S)` with the RMS of its speech at `TARGET`; silence stays."""
    return waveform * to_target(waveform)[:, None]


def to_target(waveform: Tensor) -> Tensor:
    """The gains `(B,)` of `levelled`."""
    rms = speech_rms(waveform)
    return torch.where(rms > SILENT, TARGET / rms.clamp(min=SILENT), 1.0)


def without_clipping(waveform: Tensor, raised: Decibels = 0.0) -> Tensor:
    """`waveform (B, S)` as `levelled`, then `raised`; lower where a peak would exceed
    `HIGHEST_PEAK`."""
    sound = 10 ** (raised / 20) * levelled(waveform)
    peak = sound.abs().amax(dim=1, keepdim=True)
    return sound * (HIGHEST_PEAK / peak.clamp(min=HIGHEST_PEAK))


def frame_energy(log_mel: Tensor) -> Tensor:
    """Natural logarithm of the mean magnitude of each frame of `log_mel (B, MELS, F)`: `(B, F)`."""
    return log_mel.logsumexp(dim=1) - math.log(MELS)
