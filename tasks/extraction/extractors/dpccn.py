"""DPCCN: a U-Net of dense blocks over the complex spectrum, a TCN inside, pyramid pooling behind
(Han et al., ICASSP 2022)."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from einops import repeat
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning, MultiplyFusion
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.units import Samples
from tasks.extraction.extractors.spectral import (
    SpectralExtractor,
    as_image,
    as_spectrum,
    reading,
)

PLACES = ("bins", "bottleneck")


class Conv(nn.Module):
    """A convolution over time and frequency, ELU, and each channel normalised over its image.

    With a `stride` it halves the frequencies; with `transposed` it doubles them again.
    """

    def __init__(
        self, inputs: int, outputs: int, stride: int = 1, transposed: bool = False
    ) -> None:
        super().__init__()
        kind = nn.ConvTranspose2d if transposed else nn.Conv2d
        self.conv = kind(inputs, outputs, 3, (1, stride), 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, inputs, T, bins)` → `(B, outputs, T, bins)`."""
        return F.instance_norm(F.elu(self.conv(x)))


class DenseBlock(nn.Module):
    """Convolutions that each read all results before it; `growth` channels each, the last one
    `outputs`."""

    def __init__(self, inputs: int, growth: int, outputs: int, depth: int) -> None:
        super().__init__()
        widths = [growth] * (depth - 1) + [outputs]
        self.convs = nn.ModuleList(
            Conv(inputs + i * growth, width) for i, width in enumerate(widths)
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, inputs, T, bins)` → `(B, outputs, T, bins)`."""
        for conv in self.convs[:-1]:
            x = torch.cat([x, conv(x)], dim=1)
        y: Tensor = self.convs[-1](x)
        return y


class TemporalBlock(nn.Module):
    """Norm, ELU, a dilated depth-wise convolution, norm, ELU, a linear layer; a residual."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(
            channels, channels, 3, padding=dilation, dilation=dilation, groups=channels
        )
        self.pointwise = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, channels, L)` → the same."""
        y = self.depthwise(F.elu(F.instance_norm(x)))
        return x + self.pointwise(F.elu(F.instance_norm(y)))


class PyramidPooling(nn.Module):
    """Adds means over squares of several `sizes` to the features; no square is larger than the
    image."""

    def __init__(self, channels: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        width = channels // len(self.sizes)
        self.linears = nn.ModuleList(nn.Conv2d(channels, width, 1) for _ in self.sizes)
        self.merge = nn.Conv2d(channels + width * len(self.sizes), channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, channels, T, bins)` → the same."""
        shape = x.shape[2:]
        scales = [x]
        for size, linear in zip(self.sizes, self.linears, strict=True):
            pooled = F.avg_pool2d(x, [min(size, length) for length in shape])
            scales.append(F.interpolate(linear(pooled), size=shape, mode="bilinear"))
        y: Tensor = self.merge(torch.cat(scales, dim=1))
        return y


class DpccnExtractor(SpectralExtractor):
    """DPCCN conditioned on an enrolled speaker, which the paper calls sDPCCN; the shared encoder
    takes the place of the paper's speaker network.

    Each level of the U-Net halves the frequencies: `dense` channels at the levels that have dense
    blocks, of `depth` convolutions, then `deep` ones without. The TCN has `repeats` of blocks with
    dilations 1 to `2 ** (blocks - 1)`, along time with its few frequencies side by side. `fusion`
    conditions on the speaker at one `place`: over the `bins` behind the first dense block, before
    which everything is computed once a mixture, or over the channels of the `bottleneck`, before
    the TCN. `stride` neighbouring frequencies are read and given as one, which is not in the paper:
    it makes a size that trains on a CPU.

    Raises ConfigError for a `place` that is none, and for a `window` that the levels do not divide.
    """

    def __init__(
        self,
        embedding_dim: int,
        window: Samples = 512,
        hop: Samples = 128,
        dense: Sequence[int] = (16, 32, 32, 32, 32),
        deep: Sequence[int] = (64, 128, 384),
        depth: int = 5,
        blocks: int = 10,
        repeats: int = 2,
        pools: Sequence[int] = (4, 8, 16, 32),
        stride: int = 1,
        fusion: Callable[[int, int], Conditioning] = MultiplyFusion,
        place: Literal["bins", "bottleneck"] = "bins",
        gives: Literal["spectrum", "mask"] = "spectrum",
        compression: float = 1.0,
        plain: bool = False,
        levelled: bool = True,
    ) -> None:
        super().__init__(window, hop, gives, compression, plain, levelled)
        if place not in PLACES:
            raise ConfigError("place", repr(place), " or ".join(PLACES))
        widths = [*dense, *deep]
        if (window // 2) % (least := stride * 2 ** (len(widths) - 1)):
            raise ConfigError("window", str(window), f"a multiple of {2 * least}, for the levels")
        self.first = nn.Conv2d(2, widths[0], *reading(stride))
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            before, after = widths[max(level - 1, 0)], widths[level]
            down: list[nn.Module] = [Conv(before, after, stride=2)] if level else []
            up: list[nn.Module] = []
            if level < len(dense):
                down.append(DenseBlock(width, width, width, depth))
                up.append(DenseBlock(2 * width, width, 2 * width, depth))
            if level:
                up.append(Conv(2 * width, before, stride=2, transposed=True))
            self.encoder.append(nn.Sequential(*down))
            self.decoder.insert(0, nn.Sequential(*up))
        features = (self.spectrum.bins - 1) // stride + 1 if place == "bins" else widths[-1]
        self.place = place
        self.fusion = fusion(features, embedding_dim)
        self.tcn = nn.Sequential(
            *(TemporalBlock(widths[-1], 2**i) for _ in range(repeats) for i in range(blocks))
        )
        self.pooling = PyramidPooling(2 * widths[0], pools)
        self.last = nn.ConvTranspose2d(2 * widths[0], 2, *reading(stride))

    def network(self, spectrum: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """See SpectralExtractor."""
        people = len(encoding.embedding) // len(spectrum)
        x = self.encoder[0](self.first(as_image(spectrum)))
        x = repeat(x, "b ... -> (b k) ...", k=people)
        if self.place == "bins":
            x = self.fusion(x, encoding)
        passed = [x]
        for level in self.encoder[1:]:
            passed.append(level(passed[-1]))
        x = passed[-1].flatten(2)
        if self.place == "bottleneck":
            x = self.fusion(x.transpose(1, 2), encoding).transpose(1, 2)
        x = self.tcn(x).view_as(passed[-1])
        for level in self.decoder:
            x = level(torch.cat([passed.pop(), x], dim=1))
        return as_spectrum(self.last(self.pooling(x)))
