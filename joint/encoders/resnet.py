"""ResNet34 on spectrograms, the r-vector (Zeinali et al., 2019; He et al., CVPR 2016)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.frames import Frames


class BasicBlock(nn.Module):
    """Two 3×3 convolutions around a shortcut."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`x (B, C, D, F)`, `mask (B, F')` of the output's frames."""
        y = hide(F.relu(self.norm1(self.conv1(x))), mask)
        return hide(F.relu(self.norm2(self.conv2(y)) + self.shortcut(x)), mask)


def hide(x: Tensor, mask: Tensor | None) -> Tensor:
    """Zero in the padded frames of `x (B, C, D, F)`, as a convolution's own border has it."""
    return x if mask is None else x.masked_fill(~mask[:, None, None, :], 0.0)


class ResNet34(nn.Module):
    """Stages of 3, 4, 6, 3 blocks; time and frequency are halved three times.

    `(B, F, features)` → `(B, F/8, 8·channels·features/8)`.
    """

    depths = (3, 4, 6, 3)

    def __init__(self, features: int = 80, channels: int = 32) -> None:
        super().__init__()
        self.output_dim = channels * 8 * ((features + 7) // 8)
        self.conv = nn.Conv2d(1, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.stages = nn.ModuleList()
        width = channels
        for stage, depth in enumerate(self.depths):
            out = channels * 2**stage
            blocks = []
            for i in range(depth):
                blocks.append(BasicBlock(width, out, 2 if stage > 0 and i == 0 else 1))
                width = out
            self.stages.append(nn.ModuleList(blocks))

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The last stage as frames, and every stage by name."""
        mask, stride, layers = frames.mask, 1, {}
        x = frames.features.transpose(1, 2).unsqueeze(1)
        x = x.contiguous(memory_format=torch.channels_last)
        x = hide(F.relu(self.norm(self.conv(x))), mask)
        for i, stage in enumerate(self.stages):
            if i > 0:
                stride *= 2
                mask = None if mask is None else mask[:, ::2]
            for block in stage:  # type: ignore[attr-defined]
                x = block(x, mask)
            layers[f"stage{i + 1}"] = Frames(x.flatten(1, 2).transpose(1, 2), mask, stride)
        return layers[f"stage{len(self.stages)}"], layers
