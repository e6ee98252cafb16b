"""Pooling: a sequence of frames becomes one vector."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.frames import Frames, masked_mean

VARIANCE_FLOOR = 1e-7


def moments(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and standard deviation over time, each `(B, D)`, in float32.

    `x (B, F, D)`, `weight (B, F, D)` or `(B, F, 1)` sums to 1 over time.
    """
    mean = (x * weight).sum(dim=1, dtype=torch.float32)
    square = (x * x * weight).sum(dim=1, dtype=torch.float32)
    return mean, (square - mean * mean).clamp(min=VARIANCE_FLOOR).sqrt()


class StatisticsPooling(nn.Module):
    """Mean and standard deviation (Snyder et al., ICASSP 2018): `(B, F, D)` → `(B, 2D)`."""

    def __init__(self, input_dim: int) -> None:
        super().__init__()
        self.output_dim = 2 * input_dim

    def forward(self, frames: Frames) -> Tensor:
        """`(B, F, D)` → `(B, 2D)`."""
        x = frames.features.float()
        mean = masked_mean(x, frames.mask)
        centred = x - mean.unsqueeze(1)
        variance = masked_mean(centred * centred, frames.mask)
        return torch.cat([mean, variance.clamp(min=VARIANCE_FLOOR).sqrt()], dim=-1)


class AttentiveStatisticsPooling(nn.Module):
    """Channel- and context-dependent attentive statistics (Okabe et al., Interspeech 2018;
    Desplanques et al., Interspeech 2020, eq. 2–4): `(B, F, D)` → `(B, 2D)`.

    With `global_context` the attention also sees the recording's mean and standard deviation.
    """

    def __init__(self, input_dim: int, bottleneck: int = 128, global_context: bool = True) -> None:
        super().__init__()
        self.output_dim = 2 * input_dim
        self.global_context = global_context
        self.frame = nn.Linear(input_dim, bottleneck)
        self.context = nn.Linear(2 * input_dim, bottleneck, bias=False) if global_context else None
        self.norm = nn.BatchNorm1d(bottleneck) if global_context else None
        self.attention = nn.Linear(bottleneck, input_dim)

    def forward(self, frames: Frames) -> Tensor:
        """`(B, F, D)` → `(B, 2D)`."""
        x, mask = frames.features, frames.mask
        hidden = self.frame(x)
        if self.context is not None and self.norm is not None:
            mean = masked_mean(x, mask)
            variance = masked_mean(x * x, mask) - mean * mean
            deviation = variance.clamp(min=VARIANCE_FLOOR).sqrt()
            # the context is the same in every frame: one product a recording, not one a frame
            hidden = hidden + self.context(torch.cat([mean, deviation], dim=-1)).unsqueeze(1)
            hidden = F.relu(hidden)
            hidden = self.norm(hidden.flatten(0, 1)).view_as(hidden)
        scores = self.attention(torch.tanh(hidden))
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-1), float("-inf"))
        weight = torch.softmax(scores, dim=1)
        return torch.cat(moments(x, weight), dim=-1)
