"""NeXt-TDNN (Heo, Nam, Kim, Lee, ICASSP 2024): a TDNN in the manner of ConvNeXt V2."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.frames import FrameConv, Frames
from joint.errors import ConfigError


class ResponseNorm(nn.Module):
    """Each channel times its energy over a recording's own frames, as a share of the mean channel's
    (global response normalisation: Woo et al., CVPR 2023, eq. 1–3), beside the input itself."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`(B, F, D)` → the same."""
        own = x if mask is None else x.masked_fill(~mask.unsqueeze(-1), 0.0)
        energy = torch.linalg.vector_norm(own, dim=1, keepdim=True, dtype=torch.float32)
        share = energy / (energy.mean(dim=-1, keepdim=True) + 1e-6)
        return x * (1.0 + self.gain * share).to(x.dtype) + self.bias.to(x.dtype)


class TwoStepBlock(nn.Module):
    """First along time, depthwise convolutions of several widths on a share of the channels each;
    then along channels, four times as wide inside; both around a residual connection."""

    def __init__(self, channels: int, kernels: Sequence[int]) -> None:
        super().__init__()
        self.share = channels // len(kernels)
        self.before = nn.Linear(channels, channels)
        self.scales = nn.ModuleList(
            FrameConv(self.share, self.share, kernel, groups=self.share) for kernel in kernels
        )
        self.after = nn.Linear(channels, channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.expand = nn.Linear(channels, 4 * channels)
        self.response = ResponseNorm(4 * channels)
        self.contract = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`(B, F, D)` → the same."""
        parts = self.before(x).split(self.share, dim=-1)
        along = [conv(part, mask) for conv, part in zip(self.scales, parts, strict=True)]
        x = x + self.after(F.gelu(torch.cat(along, dim=-1)))
        inner = F.gelu(self.expand(self.norm(x)))
        return x + self.contract(self.response(inner, mask))


class NeXtTdnn(nn.Module):
    """Three stages of blocks, aggregated over stages: `(B, F, features)` → `(B, F, 3·channels)`.

    The stem's window of four frames is centred between the second and the third, with zeros at
    both ends, so that the sequence keeps its length. Raises ConfigError for kernels that cannot
    share the channels or have no middle.
    """

    stages = 3

    def __init__(
        self,
        features: int = 80,
        channels: int = 256,
        blocks: int = 3,
        kernels: Sequence[int] = (7, 65),
    ) -> None:
        super().__init__()
        if channels % len(kernels):
            raise ConfigError("channels", str(channels), f"a multiple of {len(kernels)} kernels")
        if even := [kernel for kernel in kernels if kernel % 2 == 0]:
            raise ConfigError("kernels", str(even[0]), "odd numbers of frames")
        self.output_dim = self.stages * channels
        self.stem = FrameConv(features, channels, 4)
        self.stem_norm = nn.LayerNorm(channels, eps=1e-6)
        self.blocks = nn.ModuleList(
            nn.ModuleList(TwoStepBlock(channels, kernels) for _ in range(blocks))
            for _ in range(self.stages)
        )
        self.aggregate = nn.Linear(self.output_dim, self.output_dim)
        self.norm = nn.LayerNorm(self.output_dim, eps=1e-6)
        self.apply(begun_small)

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The aggregate, and every stage by name."""
        x, mask = frames.features, frames.mask
        if mask is not None:
            x = x.masked_fill(~mask.unsqueeze(-1), 0.0)
        x = self.stem_norm(self.stem(F.pad(x, (0, 0, 0, 1))))
        outputs, layers = [], {}
        for i, stage in enumerate(self.blocks):
            for block in stage:  # type: ignore[attr-defined]
                x = block(x, mask)
            outputs.append(x)
            layers[f"stage{i + 1}"] = frames.with_features(x)
        joined = self.norm(self.aggregate(torch.cat(outputs, dim=-1)))
        return frames.with_features(joined), layers


def begun_small(layer: nn.Module) -> None:
    """Weights from a normal distribution of deviation 0.02, cut off, as ConvNeXt has them."""
    if isinstance(layer, nn.Linear | nn.Conv1d) and layer.bias is not None:
        nn.init.trunc_normal_(layer.weight, std=0.02)
        nn.init.zeros_(layer.bias)
