"""ECAPA-TDNN (Desplanques, Thienpondt, Demuynck, Interspeech 2020, §3)."""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.frames import FrameConv, FrameNorm, Frames, Padding, masked_mean
from joint.errors import ConfigError

Gate = Tensor | None
"""What units are multiplied with; None: nothing."""
BlockGates = tuple[Gate, Gate]
"""Of the channels of a Res2 group, all groups alike, and of the units of the squeeze."""
DILATIONS = (2, 3, 4)


class TdnnBlock(nn.Module):
    """Convolution, ReLU, batch norm, in this order."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        dilation: int = 1,
        padding: Padding = "zeros",
    ) -> None:
        super().__init__()
        self.conv = FrameConv(in_channels, out_channels, kernel_size, dilation, padding)
        self.norm = FrameNorm(out_channels)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`(B, F, in)` → `(B, F, out)`."""
        return self.norm(F.relu(self.conv(x, mask)))


class Res2Block(nn.Module):
    """Channels in `scale` groups, each convolved together with the result of the one before."""

    def __init__(
        self, channels: int, kernel_size: int, dilation: int, scale: int, padding: Padding
    ) -> None:
        super().__init__()
        width = channels // scale
        self.width = width
        self.blocks = nn.ModuleList(
            TdnnBlock(width, width, kernel_size, dilation, padding) for _ in range(scale - 1)
        )

    def forward(self, x: Tensor, mask: Tensor | None, gate: Gate = None) -> Tensor:
        """`(B, F, D)` → `(B, F, D)`; the `gate (D/scale,)` is of the channels of each group."""
        x = gated(x, None if gate is None else gate.repeat(len(self.blocks) + 1))
        groups = x.split(self.width, dim=-1)
        outputs = [groups[0]]
        for i, block in enumerate(self.blocks):
            group = groups[i + 1] if i == 0 else groups[i + 1] + outputs[-1]
            outputs.append(gated(block(group, mask), gate))
        return torch.cat(outputs, dim=-1)


class SqueezeExcitation(nn.Module):
    """Scales each channel by a gate computed from its mean over time."""

    def __init__(self, channels: int, bottleneck: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, bottleneck)
        self.excite = nn.Linear(bottleneck, channels)

    def forward(self, x: Tensor, mask: Tensor | None, gate: Gate = None) -> Tensor:
        """The scales `(B, 1, D)` of `x (B, F, D)`; the `gate` is of the units between."""
        units = gated(F.relu(self.squeeze(masked_mean(x, mask))), gate)
        return torch.sigmoid(self.excite(units)).unsqueeze(1).to(x.dtype)


class SeRes2Block(nn.Module):
    """1×1, Res2 of `hidden` channels, 1×1, squeeze-excitation, around a residual connection."""

    def __init__(
        self,
        channels: int,
        dilation: int,
        scale: int,
        bottleneck: int,
        padding: Padding,
        hidden: int,
    ) -> None:
        super().__init__()
        self.expand = TdnnBlock(channels, hidden)
        self.res2 = Res2Block(hidden, 3, dilation, scale, padding)
        self.merge = TdnnBlock(hidden, channels)
        self.gate = SqueezeExcitation(channels, bottleneck)

    def forward(self, x: Tensor, mask: Tensor | None, gates: BlockGates = (None, None)) -> Tensor:
        """`(B, F, D)` → `(B, F, D)`."""
        y = self.merge(self.res2(self.expand(x, mask), mask, gates[0]), mask)
        return torch.addcmul(x, y, self.gate(y, mask, gates[1]))


class EcapaTdnn(nn.Module):
    """Three SE-Res2 blocks, aggregated over layers: `(B, F, features)` → `(B, F, 3·512)`.

    With `last_norm` what is aggregated is normalised too, as some toolkits have it.

    Args:
        bottleneck: Units of the squeeze-excitation, of each block where there are three numbers.
        hidden: Channels inside each of the three blocks, as pruning leaves them; `channels` where
            None.

    Raises ConfigError for other than three numbers, and where `scale` does not divide `hidden`.
    """

    def __init__(
        self,
        features: int = 80,
        channels: int = 512,
        aggregated: int = 1536,
        scale: int = 8,
        bottleneck: int | Sequence[int] = 128,
        padding: Padding = "zeros",
        last_norm: bool = False,
        hidden: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        units = [bottleneck] * len(DILATIONS) if isinstance(bottleneck, int) else bottleneck
        inner = [channels] * len(DILATIONS) if hidden is None else hidden
        for name, sizes in (("bottleneck", units), ("hidden", inner)):
            if len(sizes) != len(DILATIONS):
                raise ConfigError(name, f"{len(sizes)} numbers", f"{len(DILATIONS)}")
        if hidden is not None and any(size % scale or size < scale for size in hidden):
            raise ConfigError("hidden", str(list(hidden)), f"multiples of scale, {scale}")
        self.output_dim = aggregated
        self.input = TdnnBlock(features, channels, 5, 1, padding)
        self.blocks = nn.ModuleList(
            SeRes2Block(channels, dilation, scale, unit, padding, size)
            for dilation, unit, size in zip(DILATIONS, units, inner, strict=True)
        )
        self.aggregate = FrameConv(3 * channels, aggregated)
        self.norm = FrameNorm(aggregated) if last_norm else nn.Identity()

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The last frame-level layer, and every intermediate one by name."""
        return self.encode(frames, [(None, None)] * len(self.blocks), None)

    def se_blocks(self) -> list[SeRes2Block]:
        """The three blocks."""
        return [cast(SeRes2Block, block) for block in self.blocks]

    def encode(
        self, frames: Frames, gates: Sequence[BlockGates], aggregated: Gate
    ) -> tuple[Frames, dict[str, Frames]]:
        """As `forward`, under the gates of each block and of the `aggregated` channels."""
        x = self.input(frames.features, frames.mask)
        layers = {"input": x}
        outputs = []
        for i, block in enumerate(self.blocks):
            x = block(x, frames.mask, gates[i])
            outputs.append(x)
            layers[f"block{i + 1}"] = x
        x = self.norm(F.relu(self.aggregate(torch.cat(outputs, dim=-1))))
        x = gated(x, aggregated)
        return frames.with_features(x), {n: frames.with_features(v) for n, v in layers.items()}


def gated(x: Tensor, gate: Gate) -> Tensor:
    """`x (…, D)` times the `gate (D,)`."""
    return x if gate is None else x * gate.to(x.dtype)
