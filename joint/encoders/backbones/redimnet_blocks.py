"""What ReDimNet is made of: 2-D blocks on images and a 1-D block along time.

Images are `(B, C, F, D)`, channels last in memory: a frame's `D·C` values lie together and are what
the 1-D blocks read, so that reshaping costs nothing.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from joint.encoders.frames import FrameConv, FrameNorm, masked_mean
from joint.errors import ConfigError

CONTEXT_KERNELS = (7, 19, 31, 59)
"""Of the convolutions along time in front of the attention."""


def sequence(image: Tensor) -> Tensor:
    """`(B, C, F, D)` → `(B, F, D·C)`."""
    return rearrange(image, "b c f d -> b f (d c)")


def image(x: Tensor, channels: int) -> Tensor:
    """`(B, F, D·C)` → `(B, C, F, D)`; undoes `sequence`."""
    return rearrange(x, "b f (d c) -> b c f d", c=channels)


def hide(x: Tensor, mask: Tensor | None) -> Tensor:
    """Zero in the padded frames of `x (B, C, F, D)`."""
    return x if mask is None else x.masked_fill(~mask[:, None, :, None], 0.0)


class SeparableConv(nn.Module):
    """A 3×3 convolution on groups of `group` channels, then 1×1; one plain 3×3 where `group` is
    None."""

    def __init__(self, channels: int, group: int | None) -> None:
        super().__init__()
        groups = 1 if group is None else channels // group
        self.conv = nn.Conv2d(channels, channels, 3, 1, 1, groups=groups, bias=False)
        self.point = nn.Identity() if group is None else nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`x (B, C, F, D)` → the same."""
        y: Tensor = self.point(self.conv(hide(x, mask)))
        return y


class FrequencyExcitation(nn.Module):
    """Scales each frequency by a gate from its mean over channels and time."""

    def __init__(self, frequencies: int, bottleneck: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(frequencies, bottleneck)
        self.excite = nn.Linear(bottleneck, frequencies)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`x (B, C, F, D)` → the same."""
        mean = masked_mean(x.mean(dim=1), mask)
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(mean))))
        return x * gate[:, None, None].to(x.dtype)


class ResidualBlock(nn.Module):
    """Two convolutions around a residual connection, ReLU before the first norm; with `excite`
    gates on frequencies."""

    def __init__(
        self, channels: int, frequencies: int, group: int | None, excite: bool = False
    ) -> None:
        super().__init__()
        self.conv1 = SeparableConv(channels, group)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = SeparableConv(channels, group)
        self.norm2 = nn.BatchNorm2d(channels)
        bottleneck = min(64, max(channels, 32))
        self.excite = FrequencyExcitation(frequencies, bottleneck) if excite else None

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`x (B, C, F, D)` → the same."""
        y = self.norm1(F.relu(self.conv1(x, mask)))
        y = self.norm2(self.conv2(y, mask))
        if self.excite is not None:
            y = self.excite(y, mask)
        return F.relu(y + x)


class ExcitedBlock(ResidualBlock):
    """A residual block with gates on frequencies."""

    def __init__(self, channels: int, frequencies: int, group: int | None) -> None:
        super().__init__(channels, frequencies, group, excite=True)


class ConvNextBlock(nn.Module):
    """A grouped 3×3 convolution, norm, GELU, 1×1, around a residual connection."""

    def __init__(self, channels: int, frequencies: int, group: int | None) -> None:
        super().__init__()
        groups = 1 if group is None else channels // group
        self.conv = nn.Conv2d(channels, channels, 3, 1, 1, groups=groups)
        self.norm = nn.BatchNorm2d(channels)
        self.point = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`x (B, C, F, D)` → the same."""
        return x + self.point(F.gelu(self.norm(self.conv(hide(x, mask)))))


class TimeConvBlock(nn.Module):
    """A depthwise convolution along time, norm, GELU, 1×1, around a residual connection."""

    def __init__(self, features: int, kernel: int) -> None:
        super().__init__()
        self.conv = FrameConv(features, features, kernel, groups=features)
        self.norm = FrameNorm(features)
        self.point = FrameConv(features, features)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`(B, F, N)` → the same."""
        return x + self.point(F.gelu(self.norm(self.conv(x, mask))))


class SelfAttention(nn.Module):
    """A Transformer layer of four heads, norms after the sums.

    Raises ConfigError for features that the heads cannot share.
    """

    heads = 4

    def __init__(self, features: int) -> None:
        super().__init__()
        if features % self.heads:
            found = f"{features} features after its reduction"
            raise ConfigError("time context", found, f"a multiple of {self.heads}")
        self.key, self.value, self.query, self.merge = (
            nn.Linear(features, features) for _ in range(4)
        )
        self.norm = nn.LayerNorm(features, eps=1e-6)
        self.hidden = nn.Linear(features, features)
        self.output = nn.Linear(features, features)
        self.final_norm = nn.LayerNorm(features, eps=1e-6)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`(B, F, N)` → the same."""
        query, key, value = (
            rearrange(part(x), "b f (h d) -> b h f d", h=self.heads)
            for part in (self.query, self.key, self.value)
        )
        own = None if mask is None else mask[:, None, None]
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=own)
        x = self.norm(x + self.merge(rearrange(attended, "b h f d -> b f (h d)")))
        return self.final_norm(x + self.output(F.gelu(self.hidden(x), approximate="tanh")))


class TimeContext(nn.Module):
    """Convolutions and attention along time in fewer features, around a residual connection."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(features, hidden)
        self.norm = nn.LayerNorm(hidden, eps=1e-6)
        self.convs = nn.ModuleList(TimeConvBlock(hidden, kernel) for kernel in CONTEXT_KERNELS)
        self.attention = SelfAttention(hidden)
        self.expand = nn.Linear(hidden, features)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`(B, F, N)` → the same."""
        y = self.norm(self.reduce(x))
        for conv in self.convs:
            y = conv(y, mask)
        return x + self.expand(self.attention(y, mask))
