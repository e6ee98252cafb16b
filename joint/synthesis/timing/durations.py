"""Durations of phones, predicted from the text and the speaker."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning
from joint.outputs import SpeakerEncoding
from joint.synthesis.convnext import ConvNextStack

UNTOLD = 0.2
"""Variance of a duration's natural logarithm that text and speaker do not tell: the mean duration
is exp(UNTOLD / 2) times that of the mean logarithm."""
END_SILENCE = 6
"""Most frames of the silence before and after what is spoken."""


class DurationPredictor(nn.Module):
    """Frames of each phone, as their natural logarithm (Ren et al., FastSpeech, NeurIPS 2019)."""

    def __init__(
        self, input_dim: int, dim: int, blocks: int, fusion: Callable[[int], Conditioning]
    ) -> None:
        super().__init__()
        self.body = ConvNextStack(input_dim, dim, blocks, 2 * dim, fusion, kernel=5)
        self.output = nn.Linear(dim, 1)
        nn.init.constant_(self.output.bias, 2.0)

    def forward(self, phones: Tensor, mask: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """`phones (B, P, D)`, `mask (B, P, 1)` → `(B, P)`."""
        log_frames: Tensor = self.output(self.body(phones, mask, encoding)).float()[..., 0]
        return log_frames

    def loss(
        self, phones: Tensor, durations: Tensor, mask: Tensor, encoding: SpeakerEncoding
    ) -> Tensor:
        """Mean squared error of the logarithms over the phones of `mask (B, P)`."""
        predicted = self(phones, mask.unsqueeze(-1).float(), encoding)
        error = (predicted - durations.clamp(min=1).float().log()).square()
        return (error * mask).sum() / mask.sum().clamp(min=1)


def whole_frames(log_frames: Tensor, mask: Tensor, rate: float) -> Tensor:
    """Durations `(B, P)` in whole frames, one at least, at `rate` times the predicted speed; what
    rounding takes from one phone the next one gets."""
    frames = ((log_frames + UNTOLD / 2.0).exp() / rate).clamp(min=0.6, max=200.0) * mask
    ends = frames.cumsum(dim=1).round().long()
    durations = torch.diff(ends, dim=1, prepend=torch.zeros_like(ends[:, :1]))
    return durations.clamp(min=1) * mask
