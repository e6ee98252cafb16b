"""Weights and a waveform that a rule draws, so that golden data is names, shapes and outputs."""

import zlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def drawn(name: str, shape: Sequence[int]) -> Tensor:
    """The tensor of this name: normal from a legacy NumPy stream seeded with the name's CRC-32, as
    wide as keeps the layers' outputs near 1; norms near 1 and 0; variances uniform in 0.5 to 1.5;
    counters 1."""
    stream = np.random.RandomState(zlib.crc32(name.encode()))  # its streams never change
    if not shape:
        return torch.tensor(1)
    if name.endswith("running_var"):
        return torch.from_numpy(stream.uniform(0.5, 1.5, shape)).float()
    if len(shape) == 1:
        offset = 1.0 if name.endswith("weight") else 0.0
        return torch.from_numpy(offset + 0.2 * stream.standard_normal(shape)).float()
    spread = np.sqrt(1.5 / np.prod(shape[1:]))
    return torch.from_numpy(spread * stream.standard_normal(shape)).float()


def waveform() -> Tensor:
    """A gliding voice in noise, 1.2 s at 16 kHz: `(S,)`."""
    time = np.arange(19_200) / 16_000
    phase = 2.0 * np.pi * (120.0 * time + 30.0 * time**2)
    voice = sum(np.sin(k * phase) / k for k in range(1, 20)) * (1.0 + np.sin(9.0 * time))
    noise = np.random.RandomState(0).standard_normal(len(time))
    return torch.from_numpy(0.1 * voice + 0.01 * noise).float()
