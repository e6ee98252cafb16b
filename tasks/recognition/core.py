"""The recogniser that all faces share: a Conformer in two halves, and what its frames say.

waveform ─► filterbank ─► a quarter of the frames ─► lower blocks ─► (a face) ─► upper blocks ─► CTC

The blocks are the house's own, since a padded recording must be recognised as it is alone.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from joint.encoders.backbones.conformer import ConformerBlock, Subsampling, relative_positions
from joint.encoders.frames import Frames
from joint.encoders.frontends.filterbank import Frontend
from joint.units import Samples


class ConformerStack(nn.Module):
    """Conformer blocks, `(B, F, width)` → the same."""

    def __init__(
        self, width: int, blocks: int, heads: int, hidden: int, kernel: int, dropout: float
    ) -> None:
        super().__init__()
        self.width = width
        self.blocks = nn.ModuleList(
            # batch norm would count the padding
            ConformerBlock(width, heads, hidden, kernel, dropout, norm=nn.LayerNorm)
            for _ in range(blocks)
        )

    def forward(self, frames: Frames) -> Frames:
        """See the class."""
        x = frames.features
        positions = relative_positions(x.shape[1], self.width, x)
        for block in self.blocks:
            x = block(x, positions, frames.mask)
        return frames.with_features(x)


@dataclass(frozen=True)
class Transcript:
    """What the core makes of recordings: `log_probabilities (B, F, V)` of every frame, float32, and
    how many `frames (B,)` are a recording's own; `hidden (B, F, N)` is what they were read from."""

    log_probabilities: Tensor
    frames: Tensor
    hidden: Frames


class RecognizerCore(nn.Module):
    """Hears with `lower` blocks, understands with `upper` ones; one frame every 4 of `frontend`.

    `vocabulary` counts the units, blank included. After Gulati et al., Interspeech 2020.
    """

    def __init__(
        self,
        frontend: Frontend,
        vocabulary: int,
        width: int = 144,
        lower: int = 4,
        upper: int = 4,
        heads: int = 4,
        hidden: int = 576,
        kernel: int = 15,
        dropout: float = 0.1,
        channels: int = 32,
    ) -> None:
        super().__init__()
        self.frontend, self.width = frontend, width
        self.subsampling = Subsampling(frontend.output_dim, width, channels)
        self.block = heads, hidden, kernel, dropout
        self.lower, self.upper = self.stack(lower), self.stack(upper)
        self.output = nn.Linear(width, vocabulary)

    def stack(self, blocks: int) -> ConformerStack:
        """A stack of blocks like the core's own."""
        return ConformerStack(self.width, blocks, *self.block)

    @property
    def hop(self) -> Samples:
        """From one frame to the next."""
        return 4 * self.frontend.hop

    def hear(self, waveform: Tensor, lengths: Tensor) -> Frames:
        """`waveform (B, S)`, `lengths (B,)` in Samples → frames of `width`, every `hop` Samples,
        centred as the front-end's."""
        heard: Frames = self.lower(self.subsampling(self.frontend(waveform, lengths)))
        return heard

    def understand(self, heard: Frames) -> Transcript:
        """Frames of `width` → what they say."""
        hidden: Frames = self.upper(heard)
        with torch.autocast(heard.features.device.type, enabled=False):
            scores = self.output(hidden.features.float())
        frames = hidden.full_mask().sum(dim=1)
        return Transcript(scores.log_softmax(dim=-1), frames, hidden)
