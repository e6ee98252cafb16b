"""Front-ends: waveforms become feature frames."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from joint.encoders.frames import Frames, masked_mean
from joint.encoders.frontends.kaldi import KaldiFilterbank
from joint.errors import ConfigError
from joint.layers.exporting import exporting
from joint.units import Decibels, Samples

SILENCE_DB: Decibels = -80.0
"""Energy of a frame of digital silence, over that of the loudest frame."""
EPSILON = torch.finfo(torch.float32).eps
"""Kaldi's floor of energies."""


class SpecAugment(nn.Module):
    """Sets random stretches of time and of frequency to zero, the mean after normalisation (Park et
    al., Interspeech 2019), so many of each as `times` and `bands`; each recording draws its own.
    Active in training mode alone."""

    def __init__(
        self,
        probability: float = 0.6,
        time_width: int = 10,
        band_width: int = 8,
        times: int = 1,
        bands: int = 1,
    ) -> None:
        super().__init__()
        self.probability, self.times, self.bands = probability, times, bands
        self.time_width, self.band_width = time_width, band_width

    def forward(self, x: Tensor) -> Tensor:
        """`(B, F, D)` → `(B, F, D)`."""
        if not self.training or self.probability == 0:
            return x
        keep = torch.ones(len(x), 1, 1, dtype=torch.bool, device=x.device)
        for _ in range(self.times):
            keep = keep & self._outside(x, x.shape[1], self.time_width).unsqueeze(2)
        for _ in range(self.bands):
            keep = keep & self._outside(x, x.shape[2], self.band_width).unsqueeze(1)
        spared = torch.rand(x.shape[0], 1, 1, device=x.device) >= self.probability
        return x * (keep | spared)

    @staticmethod
    def _outside(x: Tensor, size: int, widest: int) -> Tensor:
        """True outside one random stretch of at most `widest` positions: `(B, size)`."""
        width = torch.randint(0, widest + 1, (x.shape[0], 1), device=x.device)
        start = (torch.rand(x.shape[0], 1, device=x.device) * (size - width)).long()
        position = torch.arange(size, device=x.device)
        return (position < start) | (position >= start + width)


class Frontend(nn.Module, ABC):
    """What turns waveforms into frames of `output_dim` features: one every `hop` Samples, each from
    `window` Samples that lie wholly inside the recording and `padding` zeros at either end of it.

    Where a constructor reads files, `rebuilt_with` are the arguments, for a checkpoint, that build
    the same without them.
    """

    window: Samples
    hop: Samples
    padding: Samples = 0
    output_dim: int
    rebuilt_with: Mapping[str, Any] = MappingProxyType({})

    @property
    def offset(self) -> Samples:
        """Where the first frame has its centre."""
        return self.window // 2 - self.padding

    @abstractmethod
    def forward(self, waveform: Tensor, lengths: Tensor) -> Frames:
        """`waveform (B, S)`, `lengths (B,)` in Samples → frames."""

    def mask_of(self, waveform: Tensor, lengths: Tensor) -> Tensor | None:
        """The frames that are a recording's own; None where all of `waveform (B, S)` is."""
        longest = waveform.shape[1]
        if not exporting() and not bool((lengths != longest).any()):
            return None
        frames = torch.arange(self.frames_of(longest), device=lengths.device)
        return frames < self.frame_count(lengths)[:, None]

    def frame_count(self, lengths: Tensor) -> Tensor:
        """Frames of recordings of so many Samples; every recording has one."""
        inside = self.window - 2 * self.padding
        return (1 + (lengths - inside) // self.hop).clamp(min=1)

    def frames_of(self, samples: Samples) -> int:
        """As `frame_count`, of one recording."""
        return 1 + max(0, samples - self.window + 2 * self.padding) // self.hop


class Filterbank(Frontend):
    """Kaldi's log mel filterbank, normalised over each recording's own frames: of `bins` each its
    mean is taken off, of the `level` one number for all, so that the long-term spectrum stays.

    25 ms windows every 10 ms, no dither, frames that fit wholly inside the recording. Kaldi reads
    16-bit integers and floors energies far below them: a sample of 1.0 counts as `full_scale`.
    With 1.0, as some toolkits have it, much of a quiet recording is floor. `window_type` is what
    a frame is multiplied with.

    The long-term spectrum holds the voice and the microphone: where every speaker has one
    microphone, figures with `level` count both (recipes/speechocean762/README.md has them with
    other microphones too).

    With `floor_db` energies have a floor relative to the recording: its mean energy, this far down,
    is added to all of them, so that what is far below the speech does not count, whether a codec,
    a gate or a resampler took it away or not. Frames of digital silence, `SILENCE_DB` below the
    loudest one, are masked: no mean, convolution or pooling has them.
    """

    window = 400
    hop = 160

    def __init__(
        self,
        bins: int = 80,
        spec_augment: SpecAugment | None = None,
        normalize: Literal["bins", "level"] = "bins",
        full_scale: float = 32768.0,
        window_type: Literal["povey", "hamming"] = "povey",
        floor_db: Decibels | None = None,
    ) -> None:
        super().__init__()
        self.output_dim = bins
        if floor_db is not None and not 0.0 < floor_db < -SILENCE_DB:
            raise ConfigError("floor_db", str(floor_db), f"more than 0, below {-SILENCE_DB:g}")
        self.floor_db = floor_db
        if normalize not in ("bins", "level"):
            raise ConfigError("normalize", str(normalize), "bins or level")
        if window_type not in ("povey", "hamming"):
            raise ConfigError("window_type", str(window_type), "povey or hamming")
        self.normalize, self.full_scale = normalize, full_scale
        self.kaldi = KaldiFilterbank(bins, window_type)
        self.spec_augment = spec_augment or nn.Identity()

    def log_mel(self, waveform: Tensor) -> Tensor:
        """Features before normalisation: `(B, S)` → `(B, F, bins)`, float32."""
        with torch.autocast(waveform.device.type, enabled=False):
            features: Tensor = self.kaldi(self.full_scale * waveform.float())
        return features

    def forward(self, waveform: Tensor, lengths: Tensor) -> Frames:
        """See Frontend."""
        mask = self.mask_of(waveform, lengths)
        if self.floor_db is None:
            features = self.log_mel(waveform)
        else:
            features, mask = self._floored(waveform, mask, self.floor_db)
        mean = masked_mean(features, mask)
        if self.normalize == "level":
            mean = mean.mean(dim=1, keepdim=True)
        features = features - mean.unsqueeze(1)
        if mask is not None:
            features = features.masked_fill(~mask.unsqueeze(-1), 0.0)
        return Frames(self.spec_augment(features), mask, self.hop, self.offset)

    def _floored(
        self, waveform: Tensor, mask: Tensor | None, floor_db: Decibels
    ) -> tuple[Tensor, Tensor | None]:
        """Log energies `(B, F, bins)` over a floor relative to the recording, float32, and the mask
        without frames of digital silence; None where there is neither silence nor padding."""
        with torch.autocast(waveform.device.type, enabled=False):
            energies = self.kaldi.energies(self.full_scale * waveform.float())
        total = energies.detach().sum(dim=2)
        if mask is not None:
            total = total.masked_fill(~mask, 0.0)
        loudest = total.amax(dim=1, keepdim=True)
        # where all is silent, all of it counts
        sounding = (total > 10.0 ** (SILENCE_DB / 10.0) * loudest) | (loudest == 0)
        if mask is not None:
            sounding = sounding & mask
        mask = None if not exporting() and bool(sounding.all()) else sounding
        level = masked_mean(energies, mask).mean(dim=1)[:, None, None]
        return (energies + 10.0 ** (-floor_db / 10.0) * level + EPSILON).log(), mask
