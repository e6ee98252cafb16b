"""What an enrolment tells of a voice besides its embedding: the range of its pitch."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.outputs import SpeakerEncoding
from joint.synthesis.pitch import PitchRange, estimate_pitch, pitch_range

LEAST_VOICED = 40
"""Voiced frames (half a second) from which on a recording tells the range of a voice."""


class VoiceRange(nn.Module):
    """The pitch range of an enrolled voice: measured on its recording, else predicted from its
    embedding, for a person known by an embedding alone."""

    def __init__(self, embedding_dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(embedding_dim)
        self.output = nn.Linear(embedding_dim, 2)
        nn.init.zeros_(self.output.weight)
        with torch.no_grad():
            self.output.bias.copy_(torch.tensor([5.0, -1.6]))

    def predicted(self, encoding: SpeakerEncoding) -> PitchRange:
        """From the embedding."""
        mean, log_spread = self.output(self.norm(encoding.embedding)).float().unbind(dim=1)
        return PitchRange(mean, log_spread.exp())

    def loss(self, encoding: SpeakerEncoding, own: PitchRange) -> Tensor:
        """L1 distance of prediction and measurement, of the mean and of the spread's logarithm."""
        found = self.predicted(encoding)
        spread = F.l1_loss(found.spread.log(), own.spread.log())
        return F.l1_loss(found.mean, own.mean) + spread

    def forward(self, encoding: SpeakerEncoding) -> PitchRange:
        """The range of each voice, `(B,)`."""
        predicted = self.predicted(encoding)
        if encoding.waveform is None or encoding.lengths is None:
            return predicted
        pitch = estimate_pitch(encoding.waveform, encoding.lengths)
        measured = pitch_range(pitch)
        enough = pitch.voiced.sum(dim=1) >= LEAST_VOICED
        return PitchRange(
            torch.where(enough, measured.mean, predicted.mean),
            torch.where(enough, measured.spread, predicted.spread),
        )
