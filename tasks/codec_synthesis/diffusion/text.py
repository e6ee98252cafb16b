"""The text of UniCATS: phones, encoded, and how long each of them lasts."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning
from joint.data.phones import UNKNOWN
from joint.outputs import SpeakerEncoding
from joint.synthesis.convnext import ConvNextStack
from joint.synthesis.lengths import TimedPhones
from joint.synthesis.timing.durations import (
    END_SILENCE,
    UNTOLD,
    DurationPredictor,
    whole_frames,
)


class TimedText(nn.Module):
    """An encoder of phones with a predictor of their durations, both conditioned on the speaker.

    Args:
        phones: Of the inventory.
        dim, blocks: Of the encoder.
    """

    def __init__(
        self, phones: int, dim: int, blocks: int, fusion: Callable[[int], Conditioning]
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(phones, dim)
        self.encoder = ConvNextStack(dim, dim, blocks, 3 * dim, fusion, kernel=5)
        self.durations = DurationPredictor(dim, dim, 2, fusion)

    def forward(self, phones: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """`phones (B, P)`, padded with `UNKNOWN` → `(B, P, D)`."""
        own = (phones != UNKNOWN).unsqueeze(-1).float()
        embedded = self.embedding(phones.clamp(min=0)) * own
        encoded: Tensor = self.encoder(embedded, own, encoding)
        return encoded

    def loss(self, timed: TimedPhones, encoding: SpeakerEncoding) -> Tensor:
        """Of the durations; no gradient reaches the encoder."""
        text = self(timed.phones, encoding).detach()
        return self.durations.loss(text, timed.durations, timed.mask, encoding)

    @torch.no_grad()
    def lasting(
        self, encoding: SpeakerEncoding, phones: Tensor, durations: Tensor, rate: float
    ) -> Tensor:
        """The `durations (P,)` of `phones (P,)` in frames, those that are 0 predicted, at `rate`
        times the pace of the others, silences not counted (UniCATS, section 3.3)."""
        missing, everything = durations == 0, torch.ones_like(phones, dtype=torch.bool)[None]
        text = self(phones[None], encoding)
        log_frames = self.durations(text, everything.unsqueeze(-1).float(), encoding)
        known = ~missing & (phones != 0)
        if known.any():
            expected = (log_frames[0, known] + UNTOLD / 2.0).exp().sum()
            rate *= float(expected / durations[known].sum())
        predicted = whole_frames(log_frames, everything, rate)[0]
        for end in (0, -1):
            if phones[end] == 0:
                predicted[end].clamp_(max=END_SILENCE)
        return torch.where(missing, predicted, durations)
