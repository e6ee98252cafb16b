"""Splitting a spectrum into bands and masking each: batched matrices, not a module a band.

Bands of one width are one batched matrix product; a spectrum has a handful of widths.
"""

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.layers.grouped import GroupedLinear
from joint.units import SAMPLE_RATE, Hertz

PUBLISHED_BANDS: tuple[tuple[int, Hertz], ...] = ((15, 100), (10, 200), (5, 500), (1, 2000))
"""How many bands of which width, from 0 Hz up; what is left is one more."""


def band_widths(bins: int, layout: Sequence[tuple[int, Hertz]]) -> list[int]:
    """Bins of each band: `layout` lists (how many, how wide in Hertz) from 0 Hz up; what is left
    becomes one more band.

    Raises ConfigError where the bands reach past half the sample rate.
    """
    per_hertz = (bins - 1) / (SAMPLE_RATE / 2)
    widths = [max(1, int(width * per_hertz)) for count, width in layout for _ in range(count)]
    left = bins - sum(widths)
    if left < 0:
        raise ConfigError("bands", f"{sum(widths)} bins", f"at most {bins}")
    return [*widths, left] if left else widths


class BandNorm(nn.Module):
    """Normalises each band over time and its own features, with a gain and a shift a feature."""

    def __init__(self, count: int, features: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.gain = nn.Parameter(torch.ones(count, features))
        self.shift = nn.Parameter(torch.zeros(count, features))

    def forward(self, x: Tensor) -> Tensor:
        """`x (B, T, count, features)`."""
        with torch.autocast(x.device.type, enabled=False):
            x = x.float()
            variance, mean = torch.var_mean(x, dim=(1, 3), keepdim=True, correction=0)
            return (x - mean) * (variance + self.eps).rsqrt() * self.gain + self.shift


class Bands:
    """Runs of bands of one width: (how many, width), in order of frequency."""

    def __init__(self, widths: Sequence[int]) -> None:
        self.runs = [(len(list(same)), width) for width, same in groupby(widths)]
        self.count = len(widths)

    def split(self, x: Tensor) -> list[Tensor]:
        """`x (B, T, bins, C)` → for each run `(B, T, count, width·C)`."""
        parts = x.split([count * width for count, width in self.runs], dim=2)
        return [
            p.reshape(*p.shape[:2], count, -1)
            for p, (count, _) in zip(parts, self.runs, strict=True)
        ]

    def join(self, parts: Sequence[Tensor]) -> Tensor:
        """For each run `(B, T, count, width·C)` → `(B, T, bins, C)`; undoes `split`."""
        flat = [
            p.reshape(*p.shape[:2], count * width, -1)
            for p, (count, width) in zip(parts, self.runs, strict=True)
        ]
        return torch.cat(flat, dim=2)


class BandSplit(nn.Module):
    """Every band becomes a vector of N features (Luo and Yu, TASLP 2023, §III-A)."""

    def __init__(self, bands: Bands, features: int, channels: int = 2, eps: float = 1e-6) -> None:
        super().__init__()
        self.bands = bands
        self.norms = nn.ModuleList(BandNorm(n, width * channels, eps) for n, width in bands.runs)
        self.linears = nn.ModuleList(
            GroupedLinear(n, width * channels, features) for n, width in bands.runs
        )

    def forward(self, x: Tensor) -> Tensor:
        """`x (B, T, bins, channels)` → `(B, T, bands, N)`."""
        parts = zip(self.bands.split(x), self.norms, self.linears, strict=True)
        return torch.cat([linear(norm(part)) for part, norm, linear in parts], dim=2)


class BandMask(nn.Module):
    """Every band's features become a complex mask: a hidden layer, then a gated linear unit (Luo
    and Yu, TASLP 2023, §III-C). An untrained mask is near one half."""

    def __init__(self, bands: Bands, features: int, hidden: int) -> None:
        super().__init__()
        self.bands = bands
        self.norm: nn.Module = nn.LayerNorm(features)
        self.hidden = GroupedLinear(bands.count, features, hidden)
        self.outputs = nn.ModuleList(GroupedLinear(n, hidden, 4 * width) for n, width in bands.runs)
        for output, (_, width) in zip(self.outputs, bands.runs, strict=True):
            assert isinstance(output, GroupedLinear)
            with torch.no_grad():
                output.weight.mul_(0.1)
                output.bias[:, :, : 2 * width : 2] = 1.0

    def forward(self, x: Tensor) -> Tensor:
        """`x (B, T, bands, N)` → complex `(B, T, bins)`."""
        return self.masks(torch.tanh(self.hidden(self.norm(x))))

    def masks(self, hidden: Tensor) -> Tensor:
        """`(B, T, bands, hidden)` → complex `(B, T, bins)`."""
        parts = hidden.split([count for count, _ in self.bands.runs], dim=2)
        masks = []
        for part, output in zip(parts, self.outputs, strict=True):
            value, gate = output(part).float().chunk(2, dim=-1)
            masks.append(value * torch.sigmoid(gate))
        return torch.view_as_complex(self.bands.join(masks).contiguous())
