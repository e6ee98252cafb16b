"""ECAPA-TDNN (Desplanques, Thienpondt, Demuynck, Interspeech 2020, §3)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.frames import FrameConv, FrameNorm, Frames, Padding, masked_mean


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

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`(B, F, D)` → `(B, F, D)`."""
        groups = x.split(self.width, dim=-1)
        outputs = [groups[0]]
        for i, block in enumerate(self.blocks):
            group = groups[i + 1] if i == 0 else groups[i + 1] + outputs[-1]
            outputs.append(block(group, mask))
        return torch.cat(outputs, dim=-1)


class SqueezeExcitation(nn.Module):
    """Scales each channel by a gate computed from its mean over time."""

    def __init__(self, channels: int, bottleneck: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, bottleneck)
        self.excite = nn.Linear(bottleneck, channels)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """The gate `(B, 1, D)` for `x (B, F, D)`."""
        mean = masked_mean(x, mask)
        return torch.sigmoid(self.excite(F.relu(self.squeeze(mean)))).unsqueeze(1).to(x.dtype)


class SeRes2Block(nn.Module):
    """1×1, Res2, 1×1, squeeze-excitation, around a residual connection."""

    def __init__(
        self, channels: int, dilation: int, scale: int, bottleneck: int, padding: Padding
    ) -> None:
        super().__init__()
        self.expand = TdnnBlock(channels, channels)
        self.res2 = Res2Block(channels, 3, dilation, scale, padding)
        self.merge = TdnnBlock(channels, channels)
        self.gate = SqueezeExcitation(channels, bottleneck)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`(B, F, D)` → `(B, F, D)`."""
        y = self.merge(self.res2(self.expand(x, mask), mask), mask)
        return torch.addcmul(x, y, self.gate(y, mask))


class EcapaTdnn(nn.Module):
    """Three SE-Res2 blocks, aggregated over layers: `(B, F, features)` → `(B, F, 3·512)`.

    With `last_norm` what is aggregated is normalised too, as some toolkits have it.
    """

    def __init__(
        self,
        features: int = 80,
        channels: int = 512,
        aggregated: int = 1536,
        scale: int = 8,
        bottleneck: int = 128,
        padding: Padding = "zeros",
        last_norm: bool = False,
    ) -> None:
        super().__init__()
        self.output_dim = aggregated
        self.input = TdnnBlock(features, channels, 5, 1, padding)
        self.blocks = nn.ModuleList(
            SeRes2Block(channels, dilation, scale, bottleneck, padding) for dilation in (2, 3, 4)
        )
        self.aggregate = FrameConv(3 * channels, aggregated)
        self.norm = FrameNorm(aggregated) if last_norm else nn.Identity()

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The last frame-level layer, and every intermediate one by name."""
        x = self.input(frames.features, frames.mask)
        layers = {"input": x}
        outputs = []
        for i, block in enumerate(self.blocks):
            x = block(x, frames.mask)
            outputs.append(x)
            layers[f"block{i + 1}"] = x
        x = self.norm(F.relu(self.aggregate(torch.cat(outputs, dim=-1))))
        return frames.with_features(x), {n: frames.with_features(v) for n, v in layers.items()}
