"""Yingram: how periodic a recording is at every pitch, in place of one pitch."""

import torch
from torch import Tensor

from joint.synthesis.pitch import HIGHEST, LOWEST, RATE, normalised_difference
from joint.units import Hertz

BINS_PER_SEMITONE = 4
SEMITONES = 35
BINS = SEMITONES * BINS_PER_SEMITONE + 1
"""From 65 Hz on, to 491 Hz."""
DEEPEST: Hertz = 32
"""Pitch that is looked at when what lies an octave lower is moved up."""


def yingram(waveform: Tensor, lengths: Tensor, raised: Tensor | None = None) -> Tensor:
    """The normalised difference of YIN on a scale of semitones, `(B, F, BINS)`, low where the
    recording has that period (Choi et al., "NANSY", NeurIPS 2021): bin m is
    d'(τ) at the lag τ = rate / f(m), on a straight line between whole lags.

    Args:
        waveform: `(B, S)`, `lengths (B,)` in Samples.
        raised: `(B, F)`, ln(Hertz) by which each frame is moved up: bin m is read at m − raised.
    """
    with torch.autocast(waveform.device.type, enabled=False):
        sample = torch.arange(waveform.shape[1], device=waveform.device)
        sound = waveform.float() * (sample < lengths[:, None])
        difference, _ = normalised_difference(sound, DEEPEST)
        semitone = torch.arange(BINS, device=sound.device) / BINS_PER_SEMITONE
        lag = RATE / (LOWEST * 2.0 ** (semitone / 12))
        if raised is None:
            left = lag.long()
            return torch.lerp(difference[..., left], difference[..., left + 1], lag - left)
        lag = lag * raised[..., None].exp()
        lag = lag.clamp(RATE / (2 * HIGHEST), difference.shape[2] - 1.001)
        left = lag.long()
        return torch.lerp(difference.gather(2, left), difference.gather(2, left + 1), lag - left)
