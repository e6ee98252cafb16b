"""CAM++ (Wang, Zheng, Chen, Cheng, Chen, Interspeech 2023): a densely connected TDNN whose layers
weigh their channels by what the whole recording and its segment sound like."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.backbones.residual.resnet import BasicBlock, flat, halved, hide, image_of
from joint.encoders.frames import FrameConv, FrameNorm, Frames, masked_mean

BLOCKS = ((12, 1), (24, 2), (16, 2))
"""How many layers each dense block has, and the dilation of their convolutions."""
SEGMENT = 100
"""Frames that share a local context."""


class ContextMaskedConv(nn.Module):
    """A convolution whose channels are weighed by context (§2.2): `(B, F, in)` → `(B, F, out)`."""

    def __init__(self, in_channels: int, channels: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.local = FrameConv(in_channels, channels, kernel_size, dilation, bias=False)
        self.squeeze = nn.Linear(in_channels, in_channels // 2)
        self.excite = nn.Linear(in_channels // 2, channels)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """See the class."""
        local = self.local(x, mask)
        context = segment_means(x, mask) + masked_mean(x, mask).unsqueeze(1)
        weight = torch.sigmoid(self.excite(F.relu(self.squeeze(context))))
        weight = weight.repeat_interleave(SEGMENT, dim=1)[:, : x.shape[1]]
        return local * weight.to(local.dtype)


def segment_means(x: Tensor, mask: Tensor | None) -> Tensor:
    """Mean of each run of `SEGMENT` frames of `x (B, F, D)` over a recording's own frames, `(B,
    segments, D)` in float32."""
    batch, frames, width = x.shape
    if mask is None:
        mask = torch.ones(batch, frames, dtype=torch.bool, device=x.device)
    missing = -frames % SEGMENT
    parts = F.pad(x, (0, 0, 0, missing)).reshape(-1, SEGMENT, width)
    return masked_mean(parts, F.pad(mask, (0, missing)).reshape(-1, SEGMENT)).view(batch, -1, width)


class DenseLayer(nn.Module):
    """A bottleneck and a context-masked convolution, both on normalised activations; gives
    `growth` new channels."""

    def __init__(self, in_channels: int, bottleneck: int, growth: int, dilation: int) -> None:
        super().__init__()
        self.norm1 = FrameNorm(in_channels)
        self.bottleneck = FrameConv(in_channels, bottleneck, bias=False)
        self.norm2 = FrameNorm(bottleneck)
        self.conv = ContextMaskedConv(bottleneck, growth, 3, dilation)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`(B, F, in)` → `(B, F, growth)`."""
        y = self.bottleneck(F.relu(self.norm1(x)))
        return self.conv(F.relu(self.norm2(y)), mask)


class DenseBlock(nn.Module):
    """Layers that each read all that came before them; then a projection to half the channels."""

    def __init__(self, layers: int, channels: int, growth: int, dilation: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            DenseLayer(channels + i * growth, 4 * growth, growth, dilation) for i in range(layers)
        )
        grown = channels + layers * growth
        self.output_dim = grown // 2
        self.norm = FrameNorm(grown)
        self.halve = FrameConv(grown, self.output_dim, bias=False)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`(B, F, channels)` → `(B, F, output_dim)`."""
        for layer in self.layers:
            x = torch.cat([x, layer(x, mask)], dim=-1)
        return self.halve(F.relu(self.norm(x)))


class ConvolutionHead(nn.Module):
    """2-D convolutions that reduce frequency eightfold and leave time as it is (§2.3)."""

    def __init__(self, features: int, channels: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, 1, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.blocks = nn.ModuleList(
            BasicBlock(channels, channels, stride) for stride in ((2, 1), 1, (2, 1), 1)
        )
        self.conv2 = nn.Conv2d(channels, channels, 3, (2, 1), 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.output_dim = channels * ((features + 7) // 8)

    def forward(self, frames: Frames) -> Tensor:
        """Frames → `(B, F, output_dim)`."""
        mask = frames.mask
        x = hide(F.relu(self.norm1(self.conv1(image_of(frames)))), mask)
        for block in self.blocks:
            x = block(x, mask, mask)
        return flat(F.relu(self.norm2(self.conv2(x))))


class CamPlusPlus(nn.Module):
    """`(B, F, features)` → `(B, F/2, 512)`; 7.18 million parameters with an embedding of 512."""

    def __init__(self, features: int = 80, channels: int = 128, growth: int = 32) -> None:
        super().__init__()
        self.head = ConvolutionHead(features)
        self.input = FrameConv(self.head.output_dim, channels, 5, stride=2, bias=False)
        self.input_norm = FrameNorm(channels)
        self.blocks = nn.ModuleList()
        for layers, dilation in BLOCKS:
            block = DenseBlock(layers, channels, growth, dilation)
            self.blocks.append(block)
            channels = block.output_dim
        self.norm = FrameNorm(channels)
        self.output_dim = channels

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The last frame-level layer, and what each dense block gives by name."""
        x = self.input(self.head(frames), frames.mask)
        x = F.relu(self.input_norm(x))
        mask = halved(frames.mask)
        layers = {"input": x}
        for i, block in enumerate(self.blocks):
            x = layers[f"block{i + 1}"] = block(x, mask)
        found = {name: frames.strided(value, mask, 2) for name, value in layers.items()}
        return frames.strided(F.relu(self.norm(x)), mask, 2), found
