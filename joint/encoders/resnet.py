"""ResNets on spectrograms, the r-vectors (He et al., CVPR 2016; Zeinali et al., 2019)."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.frames import Frames


class Shortcut(nn.Module):
    """What a block adds its result to: the input, projected where its shape changes."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )


class BasicBlock(Shortcut):
    """Two 3×3 convolutions around a shortcut."""

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__(in_channels, channels, stride)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, before: Tensor | None, after: Tensor | None) -> Tensor:
        """`x (B, C, D, F)`, masks `(B, F)` and `(B, F')` of input and output."""
        y = hide(F.relu(self.norm1(self.conv1(x))), after)
        return hide(F.relu(self.norm2(self.conv2(y)) + self.shortcut(x)), after)


class Bottleneck(Shortcut):
    """1×1, 3×3 and 1×1 convolutions around a shortcut, four times as wide outside."""

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__(in_channels, self.expansion * channels, stride)
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, self.expansion * channels, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(self.expansion * channels)

    def forward(self, x: Tensor, before: Tensor | None, after: Tensor | None) -> Tensor:
        """`x (B, C, D, F)`, masks `(B, F)` and `(B, F')` of input and output."""
        y = hide(F.relu(self.norm1(self.conv1(x))), before)
        y = F.relu(self.norm2(self.conv2(y)))
        return hide(F.relu(self.norm3(self.conv3(y)) + self.shortcut(x)), after)


def hide(x: Tensor, mask: Tensor | None) -> Tensor:
    """Zero in the padded frames of `x (B, C, D, F)`, as a convolution's own border has it."""
    return x if mask is None else x.masked_fill(~mask[:, None, None, :], 0.0)


class ResNet(nn.Module):
    """Four stages of blocks; time and frequency are halved three times.

    `(B, F, features)` → `(B, F/8, 8·channels·expansion·features/8)`. The classes below say which
    blocks and how many.
    """

    block: ClassVar[type[BasicBlock | Bottleneck]] = BasicBlock
    depths: ClassVar[tuple[int, ...]]

    def __init__(self, features: int = 80, channels: int = 32) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.stages = nn.ModuleList()
        width = channels
        for stage, depth in enumerate(self.depths):
            blocks = []
            for i in range(depth):
                stride = 2 if stage > 0 and i == 0 else 1
                blocks.append(self.block(width, channels * 2**stage, stride))
                width = channels * 2**stage * self.block.expansion
            self.stages.append(nn.ModuleList(blocks))
        self.output_dim = width * ((features + 7) // 8)

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The last stage as frames, and every stage by name."""
        mask, stride, layers = frames.mask, 1, {}
        x = frames.features.transpose(1, 2).unsqueeze(1)
        x = x.contiguous(memory_format=torch.channels_last)
        x = hide(F.relu(self.norm(self.conv(x))), mask)
        for i, stage in enumerate(self.stages):
            before = mask
            if i > 0:
                stride *= 2
                mask = None if mask is None else mask[:, ::2]
            for block in stage:  # type: ignore[attr-defined]
                x = block(x, before, mask)
                before = mask
            layers[f"stage{i + 1}"] = Frames(x.flatten(1, 2).transpose(1, 2), mask, stride)
        return layers[f"stage{len(self.stages)}"], layers


class ResNet18(ResNet):
    """2, 2, 2, 2 blocks."""

    depths = (2, 2, 2, 2)


class ResNet34(ResNet):
    """3, 4, 6, 3 blocks: 6.6 million parameters with an embedding of 256."""

    depths = (3, 4, 6, 3)


class ResNet50(ResNet):
    """3, 4, 6, 3 bottlenecks."""

    block, depths = Bottleneck, (3, 4, 6, 3)


class ResNet101(ResNet):
    """3, 4, 23, 3 bottlenecks."""

    block, depths = Bottleneck, (3, 4, 23, 3)


class ResNet152(ResNet):
    """3, 8, 36, 3 bottlenecks."""

    block, depths = Bottleneck, (3, 8, 36, 3)


class ResNet221(ResNet):
    """6, 16, 48, 3 bottlenecks: 23.8 million parameters."""

    block, depths = Bottleneck, (6, 16, 48, 3)


class ResNet293(ResNet):
    """10, 20, 64, 3 bottlenecks: 28.6 million parameters."""

    block, depths = Bottleneck, (10, 20, 64, 3)
