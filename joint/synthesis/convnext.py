"""ConvNeXt blocks over time, with a speaker and a moment of a flow as conditions."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning, along_trunk
from joint.encoders.frames import FrameConv
from joint.outputs import SpeakerEncoding


class ConvNextBlock(nn.Module):
    """A depthwise convolution over time and two linear layers beside a shortcut (Liu et al., CVPR
    2022; in one dimension Siuzdak, ICLR 2024).

    Args:
        dim, hidden: Channels, and those between the linear layers.
        scale: Initial value of the learnt scale of each channel.
    """

    def __init__(self, dim: int, hidden: int, scale: float, kernel: int = 7) -> None:
        super().__init__()
        self.depthwise = FrameConv(dim, dim, kernel, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.expand = nn.Linear(dim, hidden)
        self.activation = nn.GELU()
        self.contract = nn.Linear(hidden, dim)
        self.scale = nn.Parameter(scale * torch.ones(dim))

    def forward(self, x: Tensor, mask: Tensor | None = None, gain: Tensor | None = None) -> Tensor:
        """`x (B, F, D)` → the same; `mask (B, F, 1)` is 0 behind the end of a sequence, `gain
        (B, 1, 2·D)` scales and shifts the normalised features."""
        if mask is not None:
            x = x * mask
        y = self.norm(self.depthwise(x))
        if gain is not None:
            factor, shift = gain.chunk(2, dim=-1)
            y = y * (1.0 + factor) + shift
        y = self.contract(self.activation(self.expand(y)))
        return x + self.scale * y


class ConvNextStack(nn.Module):
    """A linear layer into `dim` channels, blocks, and a norm; where a `fusion` is given, each block
    reads features that are conditioned on the speaker.

    Args:
        input_dim: Channels of the input.
        time_dim: Channels of an embedding of time that scales and shifts in each block; 0: none.
    """

    def __init__(
        self,
        input_dim: int,
        dim: int,
        blocks: int,
        hidden: int,
        fusion: Callable[[int], Conditioning] | None = None,
        time_dim: int = 0,
        kernel: int = 7,
    ) -> None:
        super().__init__()
        self.enter = nn.Linear(input_dim, dim)
        self.blocks = nn.ModuleList(
            ConvNextBlock(dim, hidden, 1.0 / blocks, kernel) for _ in range(blocks)
        )
        self.fusions = along_trunk(fusion, dim, blocks)
        self.gains = nn.ModuleList(nn.Linear(time_dim, 2 * dim) for _ in range(blocks) if time_dim)
        for gain in self.gains:
            assert isinstance(gain, nn.Linear)
            nn.init.zeros_(gain.weight)
            nn.init.zeros_(gain.bias)
        self.norm = nn.LayerNorm(dim, eps=1e-6)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        encoding: SpeakerEncoding | None = None,
        time: Tensor | None = None,
    ) -> Tensor:
        """`x (B, F, input_dim)` → `(B, F, dim)`; `mask (B, F, 1)`, `time (B, time_dim)`."""
        x = self.enter(x)
        for i, block in enumerate(self.blocks):
            if len(self.fusions) and encoding is not None:
                x = self.fusions[i](x, encoding)
            gain = None if time is None else self.gains[i](time).unsqueeze(1)
            x = block(x, mask, gain)
        out: Tensor = self.norm(x)
        return out if mask is None else out * mask
