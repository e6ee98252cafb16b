"""MFA-Conformer (Zhang et al., Interspeech 2022): Conformer blocks (Gulati et al., Interspeech
2020) with relative positions (Dai et al., ACL 2019), the outputs of all of them concatenated."""

import math
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from joint.encoders.backbones.residual.resnet import flat, halved, hide, image_of
from joint.encoders.frames import FrameConv, FrameNorm, Frames
from joint.errors import ConfigError
from joint.layers.dropout import ByteDropout
from joint.layers.precision import float32_if_cpu, float32_on_cpu


def relative_positions(frames: int, width: int, like: Tensor) -> Tensor:
    """Sinusoids of the distances frames-1 … 1-frames, `(2·frames-1, width)`, float32."""
    distance = torch.arange(frames - 1, -frames, -1.0, device=like.device)
    rate = torch.exp(
        torch.arange(0, width, 2.0, device=like.device) * (-math.log(10_000.0) / width)
    )
    angle = distance[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)


class RelativeAttention(nn.Module):
    """Self-attention with the distance between frames.

    With `training_frames` T the scores of a recording of F frames are multiplied by log F / log T:
    a softmax over fewer frames is as sharp as those of training (length-scaled attention; Liao et
    al., ICASSP 2023; here without a base that is learnt, so that parameters are the same).

    Raises ConfigError for heads that do not divide the width, and for fewer than 2 frames.
    """

    def __init__(
        self, width: int, heads: int, dropout: float, training_frames: int | None = None
    ) -> None:
        super().__init__()
        if width % heads:
            raise ConfigError("heads", str(heads), f"a divisor of {width} features")
        if training_frames is not None and training_frames < 2:
            raise ConfigError("training_frames", str(training_frames), "2 or more")
        self.heads, self.training_frames = heads, training_frames
        self.dropout = ByteDropout(dropout)
        self.query, self.key, self.value, self.merge = (nn.Linear(width, width) for _ in range(4))
        self.position = nn.Linear(width, width, bias=False)
        self.content_bias = nn.Parameter(torch.zeros(heads, width // heads))
        self.position_bias = nn.Parameter(torch.zeros(heads, width // heads))

    def forward(self, x: Tensor, positions: Tensor, mask: Tensor | None) -> Tensor:
        """`x (B, F, N)`, `positions (2F-1, N)` → `(B, F, N)`."""
        query, key, value = (
            rearrange(part(x), "b f (h n) -> b h f n", h=self.heads)
            for part in (self.query, self.key, self.value)
        )
        content = query + self.content_bias.to(query.dtype).unsqueeze(1)
        asked = query + self.position_bias.to(query.dtype).unsqueeze(1)
        if self.training_frames is not None:
            scale = length_scale(x, mask, self.training_frames)
            content, asked = content * scale, asked * scale
        where = self.position(positions.to(x.dtype)).unflatten(1, (self.heads, -1))
        distances = shifted(asked @ where.permute(1, 2, 0))
        scores = (content @ key.transpose(2, 3) + distances).float() * asked.shape[-1] ** -0.5
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None, None], torch.finfo(scores.dtype).min)
        weights = self.dropout(scores.softmax(dim=3).to(value.dtype))
        merged: Tensor = self.merge(rearrange(weights @ value, "b h f n -> b f (h n)"))
        return merged


def length_scale(x: Tensor, mask: Tensor | None, training_frames: int) -> Tensor:
    """log F / log `training_frames` for the F frames that count of each row of `x (B, F, N)`:
    `(B, 1, 1, 1)`."""
    frames = x.new_ones(x.shape[:2], dtype=torch.float32) if mask is None else mask.float()
    scale = frames.sum(dim=1).clamp(min=1.0).log() / math.log(training_frames)
    return scale[:, None, None, None].to(x.dtype)


def shifted(scores: Tensor) -> Tensor:
    """Scores by distance `(…, F, 2F-1)` → scores by frame `(…, F, F)`: row i begins at distance
    i."""
    rows, columns = scores.shape[-2:]
    if rows == 1:
        return scores
    read = scores.flatten(-2)[..., rows - 1 : rows - 1 + rows * (columns - 1)]
    return read.unflatten(-1, (rows, columns - 1))[..., :rows]


class FeedForward(nn.Sequential):
    """Norm, a wide layer with SiLU, back."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__(
            nn.LayerNorm(width),
            nn.Linear(width, hidden),
            nn.SiLU(),
            ByteDropout(dropout),
            nn.Linear(hidden, width),
            ByteDropout(dropout),
        )


class ConvolutionModule(nn.Module):
    """Gated 1×1, a depthwise convolution along time, norm, SiLU, 1×1."""

    def __init__(
        self,
        width: int,
        kernel: int,
        dropout: float,
        norm: Callable[[int], nn.Module] = FrameNorm,
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.gate = FrameConv(width, 2 * width)
        self.conv = FrameConv(width, width, kernel, groups=width)
        self.conv_norm = norm(width)
        self.output = FrameConv(width, width)
        self.dropout = ByteDropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`(B, F, N)` → the same."""
        y = self.conv(F.glu(self.gate(self.norm(x)), dim=-1), mask)
        y = self.dropout(self.output(F.silu(self.conv_norm(y))))
        return y


class ConformerBlock(nn.Module):
    """Half a feed-forward, attention, convolution, half a feed-forward, each around a residual
    connection; a norm at the end. The convolution's own `norm` is over the batch, as published;
    where recordings of many lengths train together it had better be another."""

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int,
        kernel: int,
        dropout: float,
        norm: Callable[[int], nn.Module] = FrameNorm,
        training_frames: int | None = None,
    ) -> None:
        super().__init__()
        self.first = FeedForward(width, hidden, dropout)
        self.attention_norm = nn.LayerNorm(width)
        self.attention = RelativeAttention(width, heads, dropout, training_frames)
        self.convolution = ConvolutionModule(width, kernel, dropout, norm)
        self.second = FeedForward(width, hidden, dropout)
        self.norm = nn.LayerNorm(width)
        self.dropout = ByteDropout(dropout)

    def forward(self, x: Tensor, positions: Tensor, mask: Tensor | None) -> Tensor:
        """`(B, F, N)` → the same."""
        x = x + 0.5 * self.first(x)
        x = x + self.dropout(self.attention(self.attention_norm(x), positions, mask))
        x = x + self.convolution(x, mask)
        x = x + 0.5 * self.second(x)
        y: Tensor = self.norm(x)
        return y


class Subsampling(nn.Module):
    """Two strided convolutions of `channels`: `(B, F, features)` → `(B, F/4, width)`."""

    def __init__(self, features: int, width: int, channels: int) -> None:
        super().__init__()
        self.width = width
        self.conv1 = nn.Conv2d(1, channels, 3, 2, 1)
        self.conv2 = nn.Conv2d(channels, channels, 3, 2, 1)
        self.linear = nn.Linear(channels * ((features + 3) // 4), width)

    def forward(self, frames: Frames) -> Frames:
        """See the class."""
        mask = halved(frames.mask)
        image = float32_if_cpu(image_of(frames))
        with float32_on_cpu(image.device):
            x = hide(F.relu(self.conv1(image)), mask)
            x = flat(F.relu(self.conv2(x)))
        x = self.linear(x) * math.sqrt(self.width)
        return frames.strided(x, halved(mask), 4)


class MfaConformer(nn.Module):
    """Two strided convolutions, then the blocks: `(B, F, features)` → `(B, F/4, blocks·width)`.

    As published: 6 blocks of 256 features with 4 heads, feed-forwards of 2048, kernels of 15; use
    attentive statistics after it. With the `channels` of a recogniser's subsampling, and a
    `conv_norm` over each frame as its blocks have it, both are the modules of
    `tasks.recognition.core.RecognizerCore`: one is initialised from the other part by part.
    `training_frames` scales attention by a recording's length (see RelativeAttention).

    Args:
        channels: Of the subsampling; `width` where None.
        conv_norm: In the blocks' convolutions, over the batch or over the features of each frame.
    """

    def __init__(
        self,
        features: int = 80,
        width: int = 256,
        blocks: int = 6,
        heads: int = 4,
        hidden: int = 2048,
        kernel: int = 15,
        dropout: float = 0.1,
        channels: int | None = None,
        conv_norm: Literal["batch", "frame"] = "batch",
        training_frames: int | None = None,
    ) -> None:
        super().__init__()
        self.width, self.output_dim = width, width * blocks
        self.subsampling = Subsampling(features, width, channels or width)
        norm = {"batch": FrameNorm, "frame": nn.LayerNorm}[conv_norm]
        self.blocks = nn.ModuleList(
            ConformerBlock(width, heads, hidden, kernel, dropout, norm, training_frames)
            for _ in range(blocks)
        )
        self.norm = nn.LayerNorm(self.output_dim)

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """All blocks side by side, and every block by name."""
        read = self.subsampling(frames)
        x = read.features
        positions = relative_positions(x.shape[1], self.width, x)
        outputs = []
        for block in self.blocks:
            x = block(x, positions, read.mask)
            outputs.append(x)
        layers = {f"block{i + 1}": read.with_features(y) for i, y in enumerate(outputs)}
        return read.with_features(self.norm(torch.cat(outputs, dim=-1))), layers
