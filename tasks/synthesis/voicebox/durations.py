"""Durations of phones, infilled between those that are known."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning
from joint.outputs import SpeakerEncoding
from tasks.synthesis.voicebox.context import ContextStack


class InfilledDurations(nn.Module):
    """Frames of each phone, as their natural logarithm, from the phones and the durations of some
    of them (Le et al., Voicebox, section 3.3, the regression duration model)."""

    def __init__(self, input_dim: int, dim: int, fusion: Callable[[int], Conditioning]) -> None:
        super().__init__()
        self.body = ContextStack(input_dim + 2, dim, 2, 1, 2 * dim, 4, fusion)
        self.output = nn.Linear(dim, 1)
        nn.init.constant_(self.output.bias, 2.0)

    def forward(
        self,
        phones: Tensor,
        durations: Tensor,
        infilled: Tensor,
        mask: Tensor,
        encoding: SpeakerEncoding,
    ) -> Tensor:
        """`phones (B, P, D)`, `durations (B, P)` in frames, of which those of `infilled (B, P)` are
        not looked at, `mask (B, P)` → `(B, P)`."""
        known = (mask & ~infilled).to(phones.dtype)
        logarithms = durations.clamp(min=1).to(phones.dtype).log() * known
        together = torch.cat([phones, torch.stack([logarithms, known], dim=2)], dim=2)
        log_frames: Tensor = self.output(self.body(together, mask.unsqueeze(-1).float(), encoding))
        return log_frames.float()[..., 0]

    def loss(
        self,
        phones: Tensor,
        durations: Tensor,
        infilled: Tensor,
        mask: Tensor,
        encoding: SpeakerEncoding,
    ) -> Tensor:
        """Mean squared error of the logarithms over the phones that are infilled."""
        predicted = self(phones, durations, infilled, mask, encoding)
        error = (predicted - durations.clamp(min=1).float().log()).square()
        return (error * infilled).sum() / infilled.sum().clamp(min=1)
