"""Predictors of pitch, voicing and energy from the text and the speaker."""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning
from joint.outputs import SpeakerEncoding
from joint.synthesis.convnext import ConvNextStack
from joint.synthesis.pitch import PitchRange
from joint.synthesis.spoken import ENERGY_SPREAD, MIDDLE_ENERGY, Prosody

VOICED = 0.5
"""Least probability of a voiced frame."""


@dataclass(frozen=True)
class ProsodyLosses:
    """Mean over the frames: of the normalised pitch and the energy squared errors, of the voicing
    the cross-entropy."""

    pitch: Tensor
    voicing: Tensor
    energy: Tensor


class ProsodyPredictor(nn.Module):
    """Pitch, voicing and energy of each frame (Ren et al., FastSpeech 2, ICLR 2021); pitch in
    spreads from the mean of the voice, energy as ln(magnitude)."""

    def __init__(
        self, input_dim: int, dim: int, blocks: int, fusion: Callable[[int], Conditioning]
    ) -> None:
        super().__init__()
        self.body = ConvNextStack(input_dim, dim, blocks, 2 * dim, fusion)
        self.output = nn.Linear(dim, 3)
        nn.init.zeros_(self.output.weight)

    def loss(
        self,
        content: Tensor,
        prosody: Prosody,
        voices: PitchRange,
        mask: Tensor,
        encoding: SpeakerEncoding,
    ) -> ProsodyLosses:
        """`content (B, F, D)`, `mask (B, F)`; `voices` are the ranges that enrolments tell."""
        pitch, voicing, energy = self._output(content, mask, encoding)
        voiced = prosody.voiced * mask
        target = voices.normalised(prosody.pitch)
        return ProsodyLosses(
            ((pitch - target).square() * voiced).sum() / voiced.sum().clamp(min=1.0),
            F.binary_cross_entropy_with_logits(voicing[mask], prosody.voiced[mask]),
            ((energy - prosody.energy).div(ENERGY_SPREAD).square() * mask).sum()
            / mask.sum().clamp(min=1),
        )

    def forward(
        self, content: Tensor, voices: PitchRange, mask: Tensor, encoding: SpeakerEncoding
    ) -> Prosody:
        """The prosody of `content (B, F, D)` in the range of the voices."""
        pitch, voicing, energy = self._output(content, mask, encoding)
        voiced = (voicing.sigmoid() > VOICED).float()
        return Prosody(voices.restored(pitch.clamp(-3.0, 3.0)), voiced, energy)

    def _output(
        self, content: Tensor, mask: Tensor, encoding: SpeakerEncoding
    ) -> tuple[Tensor, Tensor, Tensor]:
        body = self.body(content, mask.unsqueeze(-1).float(), encoding)
        pitch, voicing, energy = self.output(body).float().unbind(dim=2)
        return pitch, voicing, energy * ENERGY_SPREAD + MIDDLE_ENERGY
