"""Learned filters of one or several lengths, and the synthesis that belongs to them.

All filters share one hop, so that frame f of every scale begins at sample `f·hop`. Always in
float32: a waveform in bf16 has noise of its own.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.units import Samples


class LearnedFilters(nn.Module):
    """`filters` learned filters for each length in `windows`, every `hop` Samples (Luo and
    Mesgarani, TASLP 2019; of several lengths: Ge et al., Interspeech 2020).

    `rectified`: a ReLU follows, so that features are not negative. The shortest window decides how
    many frames a waveform has; it is padded with zeros to whole frames.

    Raises ConfigError for windows that do not grow, or a hop longer than the first.
    """

    def __init__(
        self, filters: int, windows: Sequence[Samples], hop: Samples, rectified: bool = True
    ) -> None:
        super().__init__()
        if list(windows) != sorted(set(windows)) or not 0 < hop <= windows[0]:
            found = f"windows {list(windows)}, hop {hop}"
            raise ConfigError("windows", found, "growing windows, the first at least a hop")
        self.windows, self.hop, self.rectified = list(windows), hop, rectified
        self.scales = nn.ModuleList(nn.Linear(window, filters) for window in windows)

    def frames(self, samples: Samples) -> int:
        """How many frames cover a waveform."""
        return 1 + max(0, -(-(samples - self.windows[0]) // self.hop))

    def forward(self, waveform: Tensor) -> list[Tensor]:
        """`(B, S)` → for each scale `(B, F, filters)`."""
        begun = (self.frames(waveform.shape[1]) - 1) * self.hop
        features = []
        with torch.autocast(waveform.device.type, enabled=False):
            for window, scale in zip(self.windows, self.scales, strict=True):
                padding = max(0, begun + window - waveform.shape[1])
                whole = F.pad(waveform.float(), (0, padding))[:, : begun + window]
                found: Tensor = scale(whole.unfold(1, window, self.hop))
                features.append(F.relu(found) if self.rectified else found)
        return features


class LearnedSynthesis(nn.Module):
    """A waveform from the features of each scale: filters, added where they overlap."""

    def __init__(self, filters: int, windows: Sequence[Samples], hop: Samples) -> None:
        super().__init__()
        self.windows, self.hop = list(windows), hop
        self.scales = nn.ModuleList(nn.Linear(filters, window, bias=False) for window in windows)
        self.offsets = nn.Parameter(torch.zeros(len(windows)))

    def forward(self, features: Sequence[Tensor], length: Samples) -> list[Tensor]:
        """For each scale `(B, F, filters)` → `(B, length)`."""
        waveforms = []
        with torch.autocast(features[0].device.type, enabled=False):
            for part, scale, offset in zip(features, self.scales, self.offsets, strict=True):
                pieces = scale(part.float()).transpose(1, 2)
                samples = (part.shape[1] - 1) * self.hop + pieces.shape[1]
                added = F.fold(pieces, (1, samples), (1, pieces.shape[1]), stride=(1, self.hop))
                waveforms.append(added.flatten(1)[:, :length] + offset)
        return waveforms
