"""TF-GridNet conditioned on an enrolled speaker (Wang et al., ICASSP and TASLP 2023)."""

from collections.abc import Callable
from typing import Literal

import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning, MultiplyFusion
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.units import Samples
from tasks.extraction.extractors.grid.block import GridBlock
from tasks.extraction.extractors.spectral import (
    SpectralExtractor,
    as_image,
    as_spectrum,
    frequencies,
    reading,
)

AXES, FUSE = ("bins", "features"), ("once", "every", "shared")


class GridEncoder(nn.Module):
    """A convolution over real and imaginary parts, in which `stride` frequencies become one;
    normalised over the whole recording."""

    def __init__(self, features: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, features, *reading(stride))
        self.norm = nn.GroupNorm(1, features)

    def forward(self, spectrum: Tensor, mask: Tensor | None = None) -> Tensor:
        """Complex `(B, T, bins)` with `mask (B, T)`, True where a recording has a frame (all where
        None) → `(B, T, (bins - 1) / stride + 1, features)`."""
        x = rearrange(self.conv(as_image(spectrum)), "b n t f -> b t f n")
        with torch.autocast(x.device.type, enabled=False):
            x = x.float()
            own = torch.ones_like(x[:, :, :1, :1]) if mask is None else mask[:, :, None, None]
            count = own.sum(dim=1, keepdim=True) * x.shape[2] * x.shape[3]
            mean = (x * own).sum(dim=(1, 2, 3), keepdim=True) / count
            variance = ((x - mean).square() * own).sum(dim=(1, 2, 3), keepdim=True) / count
            x = (x - mean) * (variance + self.norm.eps).rsqrt()
            return x * self.norm.weight + self.norm.bias


class GridDecoder(nn.Module):
    """Features back to a spectrum: the encoder's convolution turned round."""

    def __init__(self, features: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(features, 2, *reading(stride))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, T, (bins - 1) / stride + 1, features)` → complex `(B, T, bins)`."""
        return as_spectrum(self.conv(rearrange(x, "b t f n -> b n t f")))


class TfGridNetExtractor(SpectralExtractor):
    """TF-GridNet for one target speaker.

    `depth` blocks of LSTMs with `hidden` units, over windows of `kernel` positions every
    `kernel_hop`, and attention. `stride` neighbouring frequencies are read and given as one, which
    is not in the paper: it makes a size that trains on a CPU. `fusion` conditions on the speaker
    over the `axis` of frequencies or of features, before the first block (`once`), before each with
    one fusion's weights (`shared`), or with weights of its own (`every`).

    Raises ConfigError for an `axis` or a `fuse` that is none, and for a `stride` that does not
    divide half the `window`.
    """

    def __init__(
        self,
        embedding_dim: int,
        window: Samples = 128,
        hop: Samples = 64,
        features: int = 128,
        depth: int = 6,
        hidden: int = 192,
        kernel: int = 1,
        kernel_hop: int = 1,
        heads: int = 4,
        query_dim: int = 512,
        stride: int = 1,
        fusion: Callable[[int, int], Conditioning] = MultiplyFusion,
        axis: Literal["bins", "features"] = "bins",
        fuse: Literal["once", "every", "shared"] = "shared",
        gives: Literal["spectrum", "mask"] = "spectrum",
        compression: float = 1.0,
        plain: bool = False,
        levelled: bool = True,
    ) -> None:
        super().__init__(window, hop, gives, compression, plain, levelled)
        for name, value, known in (("axis", axis, AXES), ("fuse", fuse, FUSE)):
            if value not in known:
                raise ConfigError(name, repr(value), " or ".join(known))
        bins = frequencies(window, stride)
        self.encode = GridEncoder(features, stride)
        self.blocks = nn.ModuleList(
            GridBlock(features, bins, hidden, kernel, kernel_hop, heads, query_dim)
            for _ in range(depth)
        )
        self.axis, self.fuse = axis, fuse
        self.fusions = nn.ModuleList(
            fusion(bins if axis == "bins" else features, embedding_dim)
            for _ in range(depth if fuse == "every" else 1)
        )
        self.decode = GridDecoder(features, stride)

    def network(self, spectrum: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """See SpectralExtractor."""
        people = len(encoding.embedding) // len(spectrum)
        x = repeat(self.encode(spectrum), "b ... -> (b k) ...", k=people)
        for i, block in enumerate(self.blocks):
            if i == 0 or self.fuse != "once":
                x = self.conditioned(x, encoding, self.fusions[i if self.fuse == "every" else 0])
            x = block(x)
        y: Tensor = self.decode(x)
        return y

    def conditioned(self, x: Tensor, encoding: SpeakerEncoding, fusion: nn.Module) -> Tensor:
        """`x (B, T, bins, features)` conditioned over the chosen axis."""
        if self.axis == "bins":
            x = x.transpose(2, 3)
        y: Tensor = fusion(x, encoding)
        return y.transpose(2, 3) if self.axis == "bins" else y
